"""Settings of the runs: where they differ, and the whole documents at a readable length."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import yaml

_ABSENT = object()


def differences(documents: Sequence[Any]) -> list[list[str]]:
    """Settings in which some documents differ, such as sections `train` of runs.

    Documents without a key do not differ in it: recipes have settings of their own.

    Args:
        documents: nested plain data.

    Returns:
        Rows of the key and its value in each document, empty where it has none.
    """
    return _compare(documents, "")


def _compare(values: Sequence[Any], key: str) -> list[list[str]]:
    present = [value for value in values if value is not _ABSENT]
    if all(isinstance(value, dict) for value in present):
        names = dict.fromkeys(name for value in present for name in value)
        inner = (
            (name, [_ABSENT if value is _ABSENT else value.get(name, _ABSENT) for value in values]) for name in names
        )
        return [row for name, found in inner for row in _compare(found, f"{key}.{name}" if key else name)]
    return [] if all(value == present[0] for value in present) else [[key, *(_short(value) for value in values)]]


def _short(value: Any) -> str:
    if value is _ABSENT:
        return ""
    if value is None or value == []:
        return "none"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_short(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return ", ".join(map(_short, value))
    return str(value)


def run_document(settings: dict[str, Any]) -> str:
    """settings.yaml of a run as YAML, with one digest in place of those of many shards."""
    document = dict(settings)
    for side in ("source", "target"):
        if isinstance(document.get(side), dict):
            document[side] = {kind: _combined(digests) for kind, digests in document[side].items()}
    return to_yaml(document)


def _combined(digests: Any) -> Any:
    if not isinstance(digests, list):
        return digests
    if not digests:
        return "not used"
    digest = hashlib.sha256("\n".join(digests).encode()).hexdigest()
    return f"{len(digests)} shards, digest {digest[:16]}"


def to_yaml(document: dict[str, Any]) -> str:
    """A document as YAML in the order of its keys."""
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)

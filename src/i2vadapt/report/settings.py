"""Settings of the runs: what the methods differ in, and the whole documents in a readable length."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import yaml

from i2vadapt.report.runs import Method


def differences(methods: Sequence[Method]) -> list[list[str]]:
    """Training settings in which the methods differ: rows of key and one value for each method."""
    return _compare([method.runs[0].settings.get("train") for method in methods], "")


def _compare(values: Sequence[Any], key: str) -> list[list[str]]:
    if all(isinstance(value, dict) for value in values):
        names = dict.fromkeys(name for value in values for name in value)
        inner = ((name, [value.get(name) for value in values]) for name in names)
        return [row for name, found in inner for row in _compare(found, f"{key}.{name}" if key else name)]
    return [] if all(value == values[0] for value in values) else [[key, *(_short(value) for value in values)]]


def _short(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_short(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return ", ".join(map(_short, value))
    return str(value)


def run_document(settings: dict[str, Any]) -> str:
    """settings.yaml of a run as YAML, with the digests of many shards drawn together into one."""
    document = dict(settings)
    for side in ("source", "target"):
        if isinstance(document.get(side), dict):
            document[side] = {kind: _together(digests) for kind, digests in document[side].items()}
    return plain_yaml(document)


def _together(digests: Sequence[str]) -> str:
    if not digests:
        return "not used"
    combined = hashlib.sha256("\n".join(digests).encode()).hexdigest()
    return f"{len(digests)} shards, digest {combined[:16]}"


def plain_yaml(document: dict[str, Any]) -> str:
    """A document as YAML in the order of its keys."""
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)

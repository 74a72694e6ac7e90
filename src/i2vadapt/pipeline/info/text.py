"""A description as text."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import yaml


def as_text(document: Mapping[str, Any]) -> str:
    """A description as YAML, without what is empty."""
    found = {key: value for key, value in plain(document).items() if value not in (None, {}, [])}
    return str(yaml.safe_dump(found, sort_keys=False, allow_unicode=True, default_flow_style=None, width=110)).rstrip()


def as_json(document: Mapping[str, Any]) -> str:
    """A description as JSON."""
    return json.dumps(plain(document), indent=1, ensure_ascii=False)


def plain(value: Any) -> Any:
    """A value that YAML and JSON can hold: numbers that are none become null, bytes that are not UTF-8 are replaced."""
    if isinstance(value, Mapping):
        return {plain(str(key)): plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value

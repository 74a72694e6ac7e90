"""Messages about mistakes in a document: one line each, with the document, the key, the value and what is allowed."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from i2vadapt.config.yaml_files import YamlFile

_LONGEST_VALUE = 100
_MAPPINGS = ("dict_type", "model_type", "model_attributes_type")


def describe_errors(
    error: ValidationError,
    where: str,
    limit: int = 20,
    file: YamlFile | None = None,
    model: type[BaseModel] | None = None,
) -> str:
    """Lists the mistakes in a document, one line each.

    Args:
        error: error raised by pydantic.
        where: name of the document.
        limit: largest number of lines.
        file: the document as written, where it is a file; mistakes that its own problems are about are left out.
        model: what the document should be; its keys are compared with those that do not exist.
    """
    lines: list[str] = []
    for detail in error.errors():
        found = describe_error(detail, where, file, model)
        # Each form that a value may have is a mistake of its own to pydantic: a number, or the word auto.
        start = f"{where}: {_key(detail['loc'])}: "
        if found and detail["loc"] and _is_member(detail["loc"][-1]) and lines and lines[-1].startswith(start):
            lines[-1] += f", or {found[0].removeprefix(start)}"
        else:
            lines += found
    return "\n".join(lines[:limit])


def describe_error(
    detail: ErrorDetails, where: str, file: YamlFile | None = None, model: type[BaseModel] | None = None
) -> list[str]:
    """Lines about one mistake; none if the problems of the file, or other mistakes, are about it.

    Args:
        detail: the mistake, as pydantic describes it.
        where: name of the document.
        file: the document as written, where it is a file.
        model: see `describe_errors`.
    """
    if file is not None and file.has_reported(detail["loc"]):
        return []
    if detail["type"] == "too_short" and len(detail["input"]) >= detail["ctx"]["min_length"]:
        return []  # members are wrong, each of which has a line
    return [f"{where}: {_key(detail['loc'])}: {line}" for line in _message(detail, file, model).splitlines()]


def _key(loc: Sequence[int | str]) -> str:
    # Members of a union follow the key: constrained-float, literal['auto'].
    parts = [_shown(str(part)) for part in loc if part != "[key]" and not _is_member(part)]
    return ".".join(parts) or "the document"


def _is_member(part: int | str) -> bool:
    return isinstance(part, str) and (part.startswith("literal[") or part in ("constrained-float", "float"))


def _message(detail: Any, file: YamlFile | None, model: type[BaseModel] | None) -> str:
    kind, value = detail["type"], detail["input"]
    if kind == "extra_forbidden":
        return "no such key" + _nearest_key(str(detail["loc"][-1]), model)
    if kind == "missing":
        return "required, but missing"
    if kind == "invalid_key" or (kind == "string_type" and detail["loc"][-1] == "[key]"):
        return f"the key {_plain(value)} must be text: put it in quotes"
    if kind == "string_type":
        return _no_text(value, detail["loc"], file)
    if kind == "tuple_type":
        return f"must be a list, [{_as_written(value, detail['loc'], file)}], not {_plain(value)}"
    if kind in _MAPPINGS:
        return f"must be a mapping of keys to values, not {_plain(value)}"
    message = detail["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    shown = repr(value)
    is_short = len(shown) < _LONGEST_VALUE and not isinstance(value, dict)  # of a section, the message names the key
    return message + (f", not {shown}" if is_short else "")


def _nearest_key(key: str, model: type[BaseModel] | None) -> str:
    if model is None:
        return ""
    schema = model.model_json_schema()
    keys = {name for part in (schema, *schema.get("$defs", {}).values()) for name in part.get("properties", {})}
    near = difflib.get_close_matches(key, keys - {key}, 1, 0.7)
    return f"; the nearest: {near[0]}" if near else ""


def _no_text(value: Any, loc: Sequence[int | str], file: YamlFile | None) -> str:
    if isinstance(value, dict | list | tuple):
        return f"must be text, not {_plain(value)}"
    written = _as_written(value, loc, file)
    if not written:
        return "must be text, but there is no value"
    if written == _plain(value):
        return f"must be text, not {written}: put it in quotes, '{written}'"
    return f"must be text, but {written} is read as {_plain(value)}: put {written} in quotes, '{written}'"


def _as_written(value: Any, loc: Sequence[int | str], file: YamlFile | None) -> str:
    node = file.written(loc) if file is not None else None
    return node.value if node is not None else _plain(value)


def _plain(value: Any) -> str:
    """A value as YAML shows it; a long one by its kind."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    shown = _shown(value) if isinstance(value, str) else repr(value)
    if len(shown) < _LONGEST_VALUE:
        return shown
    return "a mapping" if isinstance(value, dict) else "a list" if isinstance(value, list) else "a long text"


def _shown(text: str) -> str:
    """A text as it is, or with escapes if it would not be seen or would break the line."""
    return text if text.isprintable() and text.strip() else repr(text)

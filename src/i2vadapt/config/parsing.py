"""Parsing of plain data into settings, with all mistakes reported at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from i2vadapt.errors import UserError

Model = TypeVar("Model", bound=BaseModel)


def describe_errors(error: ValidationError, where: str, limit: int = 20) -> str:
    """Lists the mistakes in a settings document, one line each: document, key, what is wrong, the value.

    Args:
        error: error raised by pydantic.
        where: name of the document.
        limit: largest number of lines.
    """
    lines = []
    for detail in error.errors()[:limit]:
        key = ".".join(str(part) for part in detail["loc"]) or "the document"
        if detail["type"] == "extra_forbidden":
            lines.append(f"{where}: {key}: no such key")
        elif detail["type"] == "missing":
            lines.append(f"{where}: {key}: required, but missing")
        else:
            message = detail["msg"].removeprefix("Value error, ")
            message = message[0].lower() + message[1:]
            shown = repr(detail["input"])
            lines.append(f"{where}: {key}: {message}" + (f", not {shown}" if len(shown) < 100 else ""))
    return "\n".join(lines)


def parse(model: type[Model], data: Any, where: str) -> Model:
    """Builds a settings model from plain data.

    Args:
        model: pydantic model.
        data: plain data, as read from YAML or JSON.
        where: name of the document, for messages.

    Raises:
        UserError: if there are mistakes; lists all of them, one line each.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise UserError(describe_errors(error, where)) from None


def parse_json(model: type[Model], text: str, where: str) -> Model:
    """Builds a settings model from the text of a JSON object, as `parse`; an empty text gives the defaults."""
    return parse(model, parse_object(text, where), where)


def parse_object(text: str, where: str) -> dict[str, Any]:
    """Parses the text of a JSON object; an empty text gives an empty object.

    Args:
        text: text to parse.
        where: name of the text, for messages.

    Raises:
        UserError: if the text is not a JSON object.
    """
    try:
        data = json.loads(text or "{}")
    except json.JSONDecodeError as error:
        raise UserError(f"{where}: not a JSON object: {error}") from None
    if not isinstance(data, dict):
        raise UserError(f"{where}: not a JSON object: {text[:60]}")
    return data


def read_yaml(path: Path) -> dict[str, Any]:
    """Reads a YAML mapping.

    Raises:
        UserError: if the file is missing, is not YAML, or is not a mapping.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise UserError(f"{path}: must be a mapping of keys to values, not a {type(data).__name__}")
    return data

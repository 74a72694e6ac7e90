"""Parsing of plain data into settings, with all mistakes reported at once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from i2vadapt.config.messages import describe_errors
from i2vadapt.config.names import repeated
from i2vadapt.config.yaml_files import read_yaml_file
from i2vadapt.errors import UserError

Model = TypeVar("Model", bound=BaseModel)


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
        raise UserError(describe_errors(error, where, model=model)) from None


def parse_file(model: type[Model], path: Path) -> Model:
    """Builds a settings model from a YAML file.

    Raises:
        UserError: if the file cannot be read, or there are mistakes; lists all of them, those of YAML first.
    """
    file = read_yaml_file(path)
    problems = list(file.problems)
    try:
        parsed = model.model_validate(file.data)
    except ValidationError as error:
        problems.append(describe_errors(error, str(path), file=file, model=model))
    raise_problems(problems)
    return parsed


def raise_problems(problems: Sequence[str]) -> None:
    """Raises UserError with all problems, one line each, if there are any; empty ones do not count."""
    lines = [line for line in problems if line]
    if lines:
        raise UserError("\n".join(lines))


def parse_json(model: type[Model], text: str, where: str) -> Model:
    """Builds a settings model from the text of a JSON object, as `parse`; an empty text gives the defaults."""
    return parse(model, parse_object(text, where), where)


def parse_object(text: str, where: str) -> dict[str, Any]:
    """Parses the text of a JSON object; an empty text gives an empty object.

    Args:
        text: text to parse.
        where: name of the text, for messages.

    Raises:
        UserError: if the text is not a JSON object, or a key occurs twice in an object.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        twice = repeated(key for key, _ in pairs)
        if twice:
            raise UserError(f"{where}: the key {twice[0]} occurs twice")
        return dict(pairs)

    try:
        data = json.loads(text or "{}", object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        raise UserError(f"{where}: not a JSON object: {error}") from None
    if not isinstance(data, dict):
        raise UserError(f"{where}: not a JSON object: {text[:60]}")
    return data


def read_yaml(path: Path) -> dict[str, Any]:
    """Reads a YAML mapping that a command wrote.

    Raises:
        UserError: if the file is missing, is not YAML, or is not a mapping, or a key occurs twice.
    """
    file = read_yaml_file(path, by_hand=False)
    raise_problems(file.problems)
    return file.data

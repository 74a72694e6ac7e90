"""Names that people give: how they may look, and when two of them are the same."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, Field

_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
_RESERVED = (".", "..", "/")


def canonical(name: str) -> str:
    """A name in Unicode's normal form C: macOS stores the names of folders in form D, which looks the same."""
    return unicodedata.normalize("NFC", name)


def class_key(name: str) -> str:
    """Reduces a class name to what counts when the names of a dataset are compared with those of a benchmark.

    UCF101's own lists differ in case, underscores and spaces. Compatible characters count as equal, such as full-width
    letters, whatever the normal form.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return folded.replace("_", "").replace(" ", "")


def check_plain(text: str) -> str:
    """Returns a text that can be printed on one line, in normal form C.

    Raises:
        ValueError: if it is blank, begins or ends with a space, or holds control characters or broken UTF-8.
    """
    if not text.strip():
        raise ValueError("must not be blank")
    if text != text.strip():
        raise ValueError("must not begin or end with a space")
    if any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in text):
        raise ValueError("must not hold control characters")
    return canonical(text)


def check_argument(text: str) -> str:
    """Returns a text that a command takes as the value of an option; as `check_plain`, which see.

    Raises:
        ValueError: if it begins with a dash as well.
    """
    if text.startswith("-"):
        raise ValueError("must not begin with a dash, by which commands know an option")
    return check_plain(text)


def check_folder_name(text: str) -> str:
    """Returns the name of a class in a dataset; as `check_plain`, which see.

    Raises:
        ValueError: if no folder can have the name as well.
    """
    text = check_plain(text)
    if text in _RESERVED:
        raise ValueError(f"must not be {', '.join(_RESERVED[:-1])} or {_RESERVED[-1]}")
    if not class_key(text):
        raise ValueError("must hold more than underscores")
    return text


def _check_name(text: str) -> str:
    if not re.fullmatch(_NAME, text):
        raise ValueError(
            "must consist of letters A-Z, a-z, digits, dots, dashes and underscores, and begin with a letter or a digit"
        )
    return text


def repeated(values: Iterable[Any]) -> list[Any]:
    """Values that occur more than once, each of them once, in order."""
    return [value for value, count in Counter(values).items() if count > 1]


def check_distinct(values: Sequence[Any]) -> Sequence[Any]:
    """Returns values of which none occurs twice.

    Raises:
        ValueError: if one does.
    """
    if repeated(values):
        raise ValueError(f"{', '.join(map(repr, repeated(values)))} must not be listed twice")
    return values


Name = Annotated[
    str,
    AfterValidator(_check_name),
    Field(description="letters, digits, dot, dash", json_schema_extra={"pattern": _NAME}),
]
"""Name of a dataset, benchmark, method or run, after which files are named."""

Title = Annotated[str, AfterValidator(check_argument)]
"""Text on one line that is given to a command."""

ClassName = Annotated[str, AfterValidator(check_argument), AfterValidator(check_folder_name)]
"""Name of a class of a benchmark."""

FolderName = Annotated[str, AfterValidator(check_folder_name)]
"""Name of a class in a dataset."""

Distinct = AfterValidator(check_distinct)
"""Annotation of a list of which no member may occur twice."""

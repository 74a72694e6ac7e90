"""Paths that people write: ~ is the home folder, wherever a path is read."""

from __future__ import annotations

import os
from typing import Annotated

from pydantic import AfterValidator, Field


def expand_home(text: str) -> str:
    """Replaces ~ or ~user at the beginning of a path by the home folder, as a shell does.

    Raises:
        ValueError: if there is no such user, or no home folder.
    """
    expanded = os.path.expanduser(text)
    if expanded.startswith("~"):
        raise ValueError(f"{text.partition('/')[0]} is no home folder; write ./{text} for a file of that name")
    return expanded


def check_file(text: str) -> str:
    """Returns the path of a file or folder, with the home folder in the place of ~.

    Raises:
        ValueError: if the path is blank or holds a null character, or there is no such home folder.
    """
    if not text.strip() or "\0" in text:
        raise ValueError("must be a path")
    return expand_home(text)


def check_results(text: str) -> str:
    """Returns the path of the results folder in its shortest form, since Snakemake warns of ./results and results/.

    Raises:
        ValueError: as `check_file`, or if Snakemake, a shell or a command would read the path as something else.
    """
    path = os.path.normpath(check_file(text))
    if "{" in path or "}" in path:
        raise ValueError("must not hold braces, in which Snakemake writes wildcards")
    if path.startswith("-"):
        raise ValueError("must not begin with a dash, by which commands know an option")
    if "$" in path:
        raise ValueError("must not hold $: variables are not replaced; write the path itself")
    if any(ord(letter) < 32 for letter in path):
        raise ValueError("must not hold control characters")
    return path


FilePath = Annotated[str, AfterValidator(check_file), Field(json_schema_extra={"format": "path"})]
"""Path of a file or folder that is read."""

ResultsPath = Annotated[str, AfterValidator(check_results), Field(json_schema_extra={"format": "path"})]
"""Path of the results folder."""

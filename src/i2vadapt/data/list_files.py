"""List files: one item a line, with or without its class, in three formats."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from i2vadapt.errors import UserError

HMDB51_CODES = {"train": ("1",), "test": ("2",), "all": ("0", "1", "2")}
_NO_LABEL = "-1"
_MOST_PROBLEMS = 20
_WANTED = "must be 'path label' or 'path', where the label is the name of a class, its number from 0, or -1 for none"
_QUOTED = re.compile(r"""(["'])(?P<path>.+?)\1(?:\s+(?P<label>.*))?""")
_FILE_NAME = re.compile(r".*[^/.]\.(?=\w*[A-Za-z])\w{2,5}")
_SEPARATOR = re.compile(r"""(?P<path>.*\.\w{2,5})["']?\s*(?P<separator>[,;])\s*[^,;/.]*""")


@dataclass(frozen=True)
class Entry:
    """A file, or a line of a list, before any check.

    Attributes:
        id: path below the root, with forward slashes.
        class_name: name of its class in the dataset, or a class index as text; None without a class.
        is_index: whether the class is given as an index into the benchmark's classes.
        place: file and line that name it; empty for a file in a folder.
        problem: why it cannot be used; empty if nothing is known.
    """

    id: str
    class_name: str | None
    is_index: bool = False
    place: str = ""
    problem: str = ""


def read_list(path: Path, root: Path, labelled: bool = False) -> list[Entry]:
    """Parses lines 'path label' or 'path', separated by spaces or a tab; a path may be in quotes.

    The label is a class name, a class index from 0, or -1 for none. A line that begins with # is a comment, unless it
    names a file.

    Args:
        path: the list.
        root: folder below which the paths are; an absolute path may begin with it.
        labelled: whether every item needs a label.

    Raises:
        UserError: if the list is missing or malformed; lists the first lines that are.
    """
    entries, problems = [], []
    for number, line in numbered_lines(path):
        place = f"{path}: line {number}"
        try:
            name, label = _split_line(line, root)
            if line.startswith("#") and not (root / name).is_file():
                continue
            if label is None and labelled:
                raise ValueError("photographs need a label: must be 'path label'")
        except ValueError as error:
            problems.append(f"{place}: {error}: {line!r}")
            continue
        entries.append(Entry(name, label, label is not None and label.isdecimal(), place))
    if problems:
        raise UserError("\n".join(problems[:_MOST_PROBLEMS]))
    return entries


def _split_line(line: str, root: Path) -> tuple[str, str | None]:
    quoted = _QUOTED.fullmatch(line)
    if quoted is not None:
        name, label = quoted["path"], quoted["label"] or ""
    elif "\t" in line:
        name, _, label = line.rpartition("\t")
    else:
        name, label = _split_at_space(line, root)
    name, label = name.strip(), label.strip()
    if not name or "\t" in name:
        raise ValueError(_WANTED)
    separated = _SEPARATOR.fullmatch(name)
    if separated is not None and not (root / name).is_file():
        raise ValueError(f"a space or a tab must separate path and label, not {separated['separator']!r}")
    if "\\" in name and not (root / name).is_file():
        raise ValueError("paths must have / in the place of \\")
    if re.fullmatch(r"-\d+", label) and label != _NO_LABEL:
        raise ValueError(_WANTED)
    return _below_root(name, root), label if label not in ("", _NO_LABEL) else None


def _split_at_space(line: str, root: Path) -> tuple[str, str]:
    """Splits at the last space, unless what follows it is the end of a file's name that has a space."""
    name, _, label = line.rpartition(" ")
    if not name:
        return line, ""
    named, labelled = (_FILE_NAME.fullmatch(part) is not None for part in (name.strip(), label))
    whole = (labelled and not named) or (labelled == named and (root / line).is_file())
    return (line, "") if whole else (name, label)


def _below_root(name: str, root: Path) -> str:
    """An id: the path without ./ and //, without the root, and in the normal form of the file's name."""
    if name.startswith("/"):
        for folder in (os.path.abspath(root), os.path.realpath(root)):
            name = name.removeprefix(f"{folder}/")
    forms = (name, *(unicodedata.normalize(form, name) for form in ("NFC", "NFD")))
    if not name.isascii():
        name = next((form for form in forms if (root / form).exists()), name)
    return PurePosixPath(name).as_posix()


def read_ucf101_list(path: Path) -> list[Entry]:
    """Parses lines 'Class/video.avi', which training lists follow with a number; the folder is the class.

    Raises:
        UserError: if the list is missing or malformed.
    """
    entries = []
    for number, line in numbered_lines(path):
        name = line.split(maxsplit=1)[0]
        folder, _, file = name.partition("/")
        if not file:
            raise UserError(f"{path}: line {number}: must be 'Class/video.avi', not {line!r}")
        entries.append(Entry(name, folder, place=f"{path}: line {number}"))
    return entries


def read_hmdb51_split(folder: Path, split: int) -> list[tuple[Entry, str]]:
    """Entries of a split with their codes: 1 train, 2 test, 0 unused in this split.

    Args:
        folder: folder of the files `<class>_test_split<k>.txt` with lines `<video>.avi <0|1|2>`.
        split: number k of the split, from 1.

    Raises:
        UserError: if there is no such file, or one is malformed.
    """
    suffix = f"_test_split{split}.txt"
    files = sorted(folder.glob(f"*{suffix}"))
    if not files:
        raise UserError(f"HMDB51 split: {folder}: no file *{suffix}")
    entries = []
    for file in files:
        class_name = file.name.removesuffix(suffix)
        for number, line in numbered_lines(file):
            parts = line.rsplit(maxsplit=1)
            if len(parts) < 2 or parts[1] not in HMDB51_CODES["all"]:
                raise UserError(f"{file}: line {number}: must be '<video> <0, 1 or 2>', not {line!r}")
            place = f"{file}: line {number}"
            entries.append((Entry(f"{class_name}/{parts[0]}", class_name, place=place), parts[1]))
    return entries


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yields the lines of a text file that are not blank, with their numbers from 1.

    Raises:
        UserError: if the file cannot be read, or is not text in UTF-8 or another code that extends ASCII.
    """
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            text = file.read()
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    if "\0" in text:
        raise UserError(f"{path}: not a text file in UTF-8; save it as UTF-8, not as Unicode or UTF-16")
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), start=1):
        if line.strip():
            yield number, line.strip()

"""The classes of a folder of photographs or videos, before there is a benchmark file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from i2vadapt.config.documents import DatasetSpec
from i2vadapt.config.names import check_folder_name
from i2vadapt.data.image_kinds import picture_kind
from i2vadapt.data.list_files import Entry
from i2vadapt.data.listing import IMAGE_SUFFIXES, VIDEO_SUFFIXES, list_entries, may_be_video
from i2vadapt.data.system_files import is_system_file
from i2vadapt.errors import UserError
from i2vadapt.stages import Side

NOUNS: dict[Side, str] = {"source": "photographs", "target": "videos"}


@dataclass(frozen=True)
class ClassFolders:
    """Files of one side, counted by their names alone.

    Attributes:
        root: the folder.
        counts: number of files by class, whose name is that of its folder.
        unlabelled: number of files directly in the root.
        refused: why folders cannot be classes, by name.
    """

    root: Path
    counts: dict[str, int]
    unlabelled: int
    refused: dict[str, str]


def read_class_folders(root: Path, side: Side) -> ClassFolders:
    """Lists the files of a folder and counts those that may be photographs, or videos, of each class.

    Raises:
        UserError: if the folder is missing or holds none, or photographs have no classes.
    """
    entries = [entry for entry in _list(root, side) if not is_system_file(entry.id)]
    usable = [entry for entry in entries if not entry.problem and _may_be(entry, root, side)]
    counts = Counter(entry.class_name for entry in usable)
    unlabelled = counts.pop(None, 0)
    if not usable:
        raise UserError(f"{root}: {_what_else(entries, side)}")
    if side == "source" and not counts:
        raise UserError(
            f"{root}: {unlabelled} photographs directly in it: they must be in one folder per class, named after it"
        )
    refused = {name: reason for name in counts if name is not None and (reason := _refusal(name))}
    kept = {name: count for name, count in sorted(counts.items(), key=str) if name is not None and name not in refused}
    return ClassFolders(root, kept, unlabelled, refused)


def _list(root: Path, side: Side) -> list[Entry]:
    if not root.is_dir():
        raise UserError(f"{root}: no such folder; it must be the folder of the {NOUNS[side]}")
    try:
        return list_entries(DatasetSpec(dataset=NOUNS[side], root=str(root)))
    except UserError:
        raise UserError(f"{root}: contains no {NOUNS[side]}") from None


def _may_be(entry: Entry, root: Path, side: Side) -> bool:
    suffix = Path(entry.id).suffix.lower()
    if side == "target":
        return may_be_video(suffix)
    return suffix in IMAGE_SUFFIXES or (suffix not in VIDEO_SUFFIXES and bool(picture_kind(root / entry.id)))


def _what_else(entries: list[Entry], side: Side) -> str:
    """Says that none of the wanted files are there, and what there is: the two folders may be swapped."""
    others = VIDEO_SUFFIXES if side == "source" else IMAGE_SUFFIXES
    found = sum(Path(entry.id).suffix.lower() in others for entry in entries)
    noun = "videos" if side == "source" else "pictures"
    hint = f", but {found} {noun}: the folder of the photographs comes first, then that of the videos" if found else ""
    return f"contains no {NOUNS[side]}{hint}"


def _refusal(name: str) -> str:
    try:
        check_folder_name(name)
    except ValueError as error:
        return str(error)
    return ""

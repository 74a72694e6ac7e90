"""What a path is that `view` is asked to show."""

from __future__ import annotations

from pathlib import Path

from i2vadapt.data.image_kinds import picture_kind
from i2vadapt.data.items import ITEM_COLUMNS
from i2vadapt.errors import UserError
from i2vadapt.layout import SHARD_SUFFIX, DatasetFolder

_HEAD = 512  # bytes by which a file that is no shard is recognised
_SHOWN = "view shows shards of frames, flow or depth (.h5) and folders of datasets"


def is_dataset(path: Path) -> bool:
    """Whether a path is the folder of a dataset, and not a file that may be a shard.

    Raises:
        UserError: if it is something else, or nothing; the message says what, and names datasets nearby.
    """
    if path.is_dir():
        if DatasetFolder(path).manifest.exists():
            return True
        raise UserError(f"{path}: not a shard but a folder; {_SHOWN}{_datasets_below(path)}")
    if not path.exists() and path.suffix != SHARD_SUFFIX:
        raise UserError(f"{path}: no such shard or dataset; {_SHOWN}{_datasets_below(path.parent)}")
    found = other_than_shard(path)
    if found:
        raise UserError(f"{path}: not a shard but {found}; {_SHOWN}")
    return False


def _datasets_below(folder: Path) -> str:
    for place in (folder, folder / "datasets", folder / "results" / "datasets"):
        found = sorted(manifest.parent.name for manifest in place.glob("*/manifest.csv"))
        if found:
            return f"; {place} has {', '.join(found)}"
    return " (results/datasets/NAME)"


def other_than_shard(path: Path) -> str:
    """What a file is, by its content, if it is certainly no shard; else empty."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return ""  # ShardReader reports the reason
    if not head:
        return "" if path.suffix == SHARD_SUFFIX else "an empty file"
    if kind := picture_kind(path):
        return f"a picture ({kind})"
    if head.startswith(b"PK\x03\x04"):
        return "a checkpoint or another ZIP archive"
    if head[4:8] == b"ftyp" or head.startswith((b"\x1aE\xdf\xa3", b"RIFF")):
        return "a video"
    first = head.partition(b"\n")[0].split(b",")
    if first[: len(ITEM_COLUMNS)] == [name.encode() for name in ITEM_COLUMNS]:
        return "a table of items (CSV)"
    return "text" if _is_text(head) else ""


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode(errors="strict") if len(head) < _HEAD else head[:-4].decode(errors="ignore")
    except UnicodeDecodeError:
        return False
    return all(sign.isprintable() or sign.isspace() for sign in text)

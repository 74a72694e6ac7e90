"""Contact sheet of a single shard."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from i2vadapt.data.image_kinds import picture_kind
from i2vadapt.data.items import ITEM_COLUMNS
from i2vadapt.data.shards.reader import ShardReader
from i2vadapt.errors import UserError
from i2vadapt.files.atomic import write_atomically
from i2vadapt.flow.colour import flow_to_colour
from i2vadapt.report.canvas import Strip, compose, depth_colours, evenly
from i2vadapt.report.sheets import strongest

_HEIGHT = 132
_HEAD = 512  # bytes by which a file that is no shard is recognised
_PICTURES = 8
_UNITS = {"frames": "frames", "flow": "fields"}


def view_shard(path: Path, out: Path, items: int = 8) -> list[str]:
    """Writes a contact sheet of items spread over a shard.

    Args:
        path: shard of frames, flow or depth.
        out: PNG to write.
        items: number of items shown, at least 1; an item is a row of frames or flow, or one picture of depth.

    Returns:
        A line for each item that failed and is not in the shard: its id and why.

    Raises:
        UserError: if the file is no shard (the message says what it is), damaged or empty, or `out` is not a .png.
    """
    if out.suffix.lower() != ".png":
        raise UserError(f"--out: {out}: the contact sheet is a PNG, its name must end in .png")
    if items < 1:
        raise UserError(f"--items: must be 1 or more, not {items}")
    found = _other_than_shard(path)
    if found:
        raise UserError(f"{path}: not a shard but {found}; view shows shards of frames, flow or depth (.h5)")
    reader = ShardReader(path)
    failures = [f"{failed.id}: {failed.reason}" for failed in reader.failures]
    if not len(reader):
        raise UserError("\n".join([f"{path}: holds no items ({len(failures)} failed)", *failures]))
    chosen = evenly(len(reader), items).tolist()
    strips = _depth_strips(reader, chosen) if reader.kind == "depth" else [_strip(reader, item) for item in chosen]
    stage = reader.provenance.get("stage", "unknown stage")
    heading = f"{path.name}: {reader.kind} made by {stage}, {len(reader)} items, {len(reader.failures)} failed"
    write_atomically(out, compose(strips, _HEIGHT, heading))
    return failures


def _other_than_shard(path: Path) -> str:
    """What a file is, by its content, if it is certainly no shard; else empty."""
    if path.is_dir():
        return "a folder"
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return ""  # the reader tells why
    if not head:
        return "" if path.suffix == ".h5" else "an empty file"
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


def _depth_strips(reader: ShardReader, items: Sequence[int]) -> list[Strip]:
    rows = [items[start : start + _PICTURES // 2] for start in range(0, len(items), _PICTURES // 2)]
    return [
        Strip(
            ", ".join(Path(reader.ids[item]).name for item in row),
            [depth_colours(reader.frames(item)[0]) for item in row],
        )
        for row in rows
    ]


def _strip(reader: ShardReader, item: int) -> Strip:
    count, info = int(reader.counts[item]), reader.info[item]
    indices = evenly(count, _PICTURES)
    frames = reader.frames(item, indices)
    size = f"{info['width']}x{info['height']}"
    caption = f"{reader.ids[item]}, label {reader.labels[item]}: {count} {_UNITS[reader.kind]} of {size}"
    pictures: list[np.ndarray | None] = list(frames)
    if reader.kind == "flow":
        largest = strongest(frames)
        pictures = [flow_to_colour(field, largest) for field in frames]
        caption += f", up to {largest:.1f} pixels, {100 * info.get('clipped', 0):.2f} % clipped"
    return Strip(caption, pictures)

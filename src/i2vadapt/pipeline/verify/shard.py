"""Checks of one shard by itself: it opens, its tables and digest are right, every frame decodes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from i2vadapt.data.shards.integrity import content_problems
from i2vadapt.data.shards.reader import Area, ShardReader
from i2vadapt.errors import UserError

_CORNER: Area = (slice(0, 1), slice(0, 1))


@dataclass(frozen=True)
class Checked:
    """What was found in a shard.

    Attributes:
        path: the shard.
        size: bytes of the file.
        frames: frames that decoded.
        problems: what is wrong, a line each.
    """

    path: Path
    size: int = 0
    frames: int = 0
    problems: list[str] = field(default_factory=list)


def check_shard(path: Path) -> Checked:
    """Reads a whole shard and decodes every frame; its kind must be the name of its folder."""
    try:
        reader = ShardReader(path, path.parent.name)
        problems = content_problems(path)
    except UserError as error:
        return Checked(path, _size(path), 0, [str(error).removeprefix(f"{path}: ")])
    if problems:
        return Checked(path, _size(path), 0, problems)
    frames = 0
    for item in range(len(reader)):
        try:
            _check_frames(reader, item)
            frames += int(reader.counts[item])
        except UserError as error:
            problems.append(str(error).removeprefix(f"{path}: ").split(": delete")[0])
    return Checked(path, _size(path), frames, problems)


def _check_frames(reader: ShardReader, item: int) -> None:
    """Raises UserError if a frame does not decode, or not to the size that the item's record says."""
    sizes: set[tuple[int, int]] = set()

    def corner(height: int, width: int) -> Area:
        sizes.add((height, width))
        return _CORNER

    reader.stored(item, np.arange(reader.counts[item]), corner)
    info = reader.info[item]
    if sizes != {(info["height"], info["width"])}:
        raise UserError(f"frames of {reader.ids[item]!r} are not of {info['width']}x{info['height']} pixels")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0

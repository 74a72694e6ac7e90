"""What a few photographs and videos show of all of them: sizes, lengths, brightness."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from i2vadapt.data.container import count_packets
from i2vadapt.data.exposure import mean_level
from i2vadapt.data.image import read_image
from i2vadapt.data.video import VideoStream
from i2vadapt.errors import UserError
from i2vadapt.runtime.progress import progress

SAMPLED = 24
_LOOKED_AT = (0, 8, 16, 24, 32)  # frames of a video whose brightness counts; the rest of it is not decoded

Found = TypeVar("Found")


@dataclass(frozen=True)
class Look:
    """One photograph or video.

    Attributes:
        height: rows of its pixels.
        width: columns of its pixels.
        frames: number of its frames; 1 for photographs.
        level: mean grey level of its first second, 0 to 255; of photographs 0.
    """

    height: int
    width: int
    frames: int = 1
    level: float = 0.0


@dataclass(frozen=True)
class Survey:
    """Some files of one side.

    Attributes:
        looks: what those show that can be read.
        unreadable: why the others cannot, one line each.
    """

    looks: Sequence[Look]
    unreadable: Sequence[str] = ()

    @property
    def short_side(self) -> int:
        """Median of the short sides, pixels."""
        return int(np.median([min(look.height, look.width) for look in self.looks]))

    @property
    def area(self) -> float:
        """Mean area of a picture with a short side of one: what its area is relative to a square."""
        return float(np.mean([max(look.height, look.width) / min(look.height, look.width) for look in self.looks]))

    @property
    def frames(self) -> float:
        """Mean number of frames."""
        return float(np.mean([look.frames for look in self.looks]))

    @property
    def pixels(self) -> float:
        """Mean number of pixels."""
        return float(np.mean([look.height * look.width for look in self.looks]))

    @property
    def level(self) -> float:
        """Median of the mean grey levels of the videos, 0 to 255."""
        return float(np.median([look.level for look in self.looks]))


def look_at_photographs(files: Sequence[Path]) -> Survey:
    """Reads some of many photographs; all of them if they are few.

    Raises:
        UserError: if none can be read.
    """
    return _survey(files, _look_at_photograph, "photograph")


def look_at_videos(files: Sequence[Path]) -> Survey:
    """Reads the beginnings of some of many videos; of all of them if they are few.

    Raises:
        UserError: if none can be read.
    """
    return _survey(files, _look_at_video, "video")


def _survey(files: Sequence[Path], look_at: Callable[[Path], Look], noun: str) -> Survey:
    order = np.random.default_rng(0).permutation(len(files))[:SAMPLED]
    looks, unreadable = [], []
    with progress(len(order), "looking at some", noun) as bar:
        for number in sorted(order.tolist()):
            try:
                looks.append(look_at(files[number]))
            except UserError as error:
                unreadable.append(str(error))
            bar.update()
    if not looks:
        raise UserError(f"none of {len(unreadable)} files can be read, the first because of {unreadable[0]}")
    return Survey(looks, unreadable)


def _look_at_photograph(path: Path) -> Look:
    height, width = read_image(path).shape[:2]
    return Look(height, width)


def _look_at_video(path: Path) -> Look:
    frames = []
    for number, frame in VideoStream(path).pick(_LOOKED_AT):
        frames.append(frame)
        if number == _LOOKED_AT[-1]:
            break
    height, width = frames[0].shape[:2]
    return Look(height, width, count_packets(path), mean_level(frames))

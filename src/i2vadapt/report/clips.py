"""Clips that play inside the page: a still and an animation of a video, small enough for all to fit."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from i2vadapt.layout import DatasetFolder
from i2vadapt.report.canvas import evenly, fit
from i2vadapt.report.datasets import existing_shards
from i2vadapt.report.mistakes import Choice, Group
from i2vadapt.report.rendering import base64_length
from i2vadapt.report.sheets import ItemFinder, Place

_FRAMES = 16
_SECONDS = 4.0  # of a longer video, its middle: spread over a minute, 16 frames would be a slide show
_SHORTEST, _LONGEST = 40, 500  # milliseconds that a frame is shown
_USUAL_RATE = 25.0
_MARKUP = 2000  # bytes around a clip; an id may be 250 of them, and is there twice


@dataclass(frozen=True)
class Size:
    """How large clips are: how many of a group are shown, their height in pixels, and WebP's quality, 0 to 100."""

    clips: int
    height: int
    quality: int


SIZES = (Size(4, 112, 45), Size(4, 96, 35), Size(3, 80, 30), Size(2, 64, 25), Size(1, 64, 20))
"""Sizes to try, the largest first."""


@dataclass(frozen=True)
class Clip:
    """A video of the page.

    Attributes:
        choice: which video it is.
        still: WebP of its middle frame.
        moving: animated WebP of some 16 frames at the speed of the video.
        width: of both in pixels.
        height: of both in pixels.
    """

    choice: Choice
    still: bytes
    moving: bytes
    width: int
    height: int


@dataclass(frozen=True)
class ClipGroup:
    """Clips under a heading."""

    heading: str
    clips: tuple[Clip, ...]


def make_clips(folder: DatasetFolder, groups: Sequence[Group], most: int) -> list[ClipGroup]:
    """Makes the clips of some videos, as large and as many as fit.

    Args:
        folder: dataset of the videos.
        groups: videos, those to keep first in each group.
        most: bytes that all clips together may take in the page.

    Returns:
        The groups with their clips; no group if not even the smallest clips fit, or the dataset has no shards of frames
            any more. Videos that failed are left out.

    Raises:
        UserError: if a shard is missing or damaged.
    """
    if not existing_shards(folder, "frames"):
        return []
    finder = ItemFinder(folder, "frames")
    wanted = {choice.id for group in groups for choice in group.choices}
    places = {name: place for name in wanted if (place := finder.find(name)) is not None}
    for size in SIZES:
        found = [ClipGroup(group.heading, _clips(group, places, size)) for group in groups]
        if sum(size_in_page(clip) for group in found for clip in group.clips) <= most:
            return [group for group in found if group.clips]
    return []


def _clips(group: Group, places: Mapping[str, Place], size: Size) -> tuple[Clip, ...]:
    choices = [choice for choice in group.choices if choice.id in places][: size.clips]
    return tuple(_clip(choice, places[choice.id], size) for choice in choices)


def size_in_page(clip: Clip) -> int:
    """Bytes of a clip in the page, with the markup around it."""
    return base64_length(clip.still) + base64_length(clip.moving) + _MARKUP


def _clip(choice: Choice, place: Place, size: Size) -> Clip:
    reader, position = place
    count, rate = int(reader.counts[position]), float(reader.info[position].get("fps") or _USUAL_RATE)
    numbers, seconds = middle(count, rate)
    frames = reader.frames(position, numbers)
    height = min(size.height, frames.shape[1])
    pictures = [Image.fromarray(fit(frame, height)) for frame in frames]
    shown = int(np.clip(round(1000 * seconds / len(pictures)), _SHORTEST, _LONGEST))
    still, moving = io.BytesIO(), io.BytesIO()
    pictures[len(pictures) // 2].save(still, "WEBP", quality=size.quality)
    rest = {"save_all": True, "append_images": pictures[1:], "duration": shown, "loop": 0}
    pictures[0].save(moving, "WEBP", quality=size.quality, **rest)
    return Clip(choice, still.getvalue(), moving.getvalue(), pictures[0].width, height)


def middle(count: int, rate: float) -> tuple[np.ndarray, float]:
    """Frames of the middle of a video.

    Args:
        count: frames of the video.
        rate: frames per second of the video.

    Returns:
        Numbers of at most 16 frames, and the seconds of the part that they are spread over, at most 4.
    """
    kept = min(count, max(round(_SECONDS * rate), 1))
    return (count - kept) // 2 + evenly(kept, _FRAMES), kept / rate

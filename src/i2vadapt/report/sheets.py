"""Contact sheets of a benchmark: photographs with their depth, generated videos, flow of both sides."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from i2vadapt.data.image import read_image
from i2vadapt.data.items import UNLABELLED, Item, read_items, shard_of
from i2vadapt.data.shards.reader import ShardReader
from i2vadapt.errors import UserError
from i2vadapt.flow.colour import flow_to_colour
from i2vadapt.layout import shard_name
from i2vadapt.report.canvas import Strip, compose, depth_colours, evenly
from i2vadapt.report.datasets import shard_count, stage_paths

_logger = logging.getLogger(__name__)

_HEIGHT = 132
_PHOTOGRAPHS, _FRAMES, _FIELDS = 4, 8, 4
_UNLABELLED_ROWS = 8
MOST_CLASSES = 24
"""Classes shown on a sheet; more would make it too large for a page."""


class Shelf:
    """The shards of one stage of a dataset; only those that hold a wanted item are opened."""

    def __init__(self, folder: Path, stage: str) -> None:
        self._folder, self._stage, self._count = folder, stage, shard_count(folder)
        self._readers: dict[str, ShardReader] = {}

    def find(self, item_id: str) -> tuple[ShardReader, int] | None:
        """Shard and place of an item; None if the stage has failed on it."""
        name = shard_name(shard_of(item_id, self._count))
        if name not in self._readers:
            self._readers[name] = ShardReader(self._folder / self._stage / f"{name}.h5", self._stage)
        reader = self._readers[name]
        return (reader, reader.index(item_id)) if item_id in reader else None


def photographs_sheet(folder: Path, classes: Sequence[str]) -> bytes:
    """Some photographs of each class, each with its inverse depth beside (near is bright), as PNG."""
    depth = Shelf(folder, "depth")
    strips = []
    for name, items in _by_class(folder, classes):
        pictures: list[np.ndarray | None] = []
        for item, (reader, place) in _first_found(items, depth, _PHOTOGRAPHS):
            pictures += [_photograph(item), depth_colours(reader.frames(place)[0])]
        strips.append(Strip(name, pictures))
    return compose(strips, _HEIGHT, "photographs and their inverse depth (bright is near)")


def _photograph(item: Item) -> np.ndarray | None:
    """The photograph; None if it has been moved since, which is no reason to have no report."""
    try:
        return read_image(item.path)
    except UserError as error:
        _logger.warning("%s", error)
        return None


def generated_sheet(folder: Path, classes: Sequence[str]) -> bytes:
    """Frames of one generated video of each class, spread over its length, as PNG."""
    frames = Shelf(folder, "frames")
    strips = []
    for name, items in _by_class(folder, classes):
        for item, (reader, place) in _first_found(items, frames, 1):
            indices = evenly(int(reader.counts[place]), _FRAMES)
            caption = f"{name}: {item.id}, frames {', '.join(str(index + 1) for index in indices)}"
            strips.append(Strip(caption, list(reader.frames(place, indices))))
    return compose(strips, _HEIGHT, "generated videos")


def flow_sheet(folder: Path, classes: Sequence[str], heading: str) -> bytes:
    """Frames of one video of each class, each with the flow to the next frame beside, as PNG.

    Colour tells the direction; full strength is the largest motion of the row, but at least one pixel.
    """
    if not stage_paths(folder, "flow"):
        return compose([], _HEIGHT, f"{heading}: none was computed, as no method uses it")
    frames, flow = Shelf(folder, "frames"), Shelf(folder, "flow")
    strips = []
    for name, items in _by_class(folder, classes):
        for item, (reader, place) in _first_found(items, flow, 1):
            found = frames.find(item.id)
            if found is not None:
                strips.append(_flow_strip(f"{name}: {item.id}", found, (reader, place)))
    return compose(strips, _HEIGHT, f"{heading}; strength of colour by row")


def _flow_strip(caption: str, frames: tuple[ShardReader, int], flow: tuple[ShardReader, int]) -> Strip:
    reader, place = flow
    indices = evenly(int(reader.counts[place]), _FIELDS)
    fields = reader.frames(place, indices)
    largest = strongest(fields)
    pictures: list[np.ndarray | None] = []
    for view, field in zip(frames[0].frames(frames[1], indices), fields, strict=True):
        pictures += [view, flow_to_colour(field, largest)]
    return Strip(f"{caption}, up to {largest:.1f} pixels a frame", pictures)


def strongest(fields: np.ndarray) -> float:
    """Motion that gets the full colour: the 99.5th percentile, as a few wrong vectors should not dim all others.

    Never below one pixel, so that the noise of a still video stays pale.

    Args:
        fields: (N,H,W,2) pixels.
    """
    return max(float(np.percentile(np.linalg.norm(fields, axis=-1), 99.5)), 1.0)


def _by_class(folder: Path, classes: Sequence[str]) -> Iterator[tuple[str, list[Item]]]:
    """Items of each class in the order of a hash of their ids: arbitrary, but always the same.

    Without labels, single items take the place of classes.
    """
    items = sorted(read_items(folder / "manifest.csv"), key=lambda item: hashlib.sha256(os.fsencode(item.id)).digest())
    if all(item.label == UNLABELLED for item in items):
        for item in items[:_UNLABELLED_ROWS]:
            yield "no label", [item]
        return
    for label, name in enumerate(classes[:MOST_CLASSES]):
        yield name, [item for item in items if item.label == label]


def _first_found(items: Sequence[Item], shelf: Shelf, count: int) -> Iterator[tuple[Item, tuple[ShardReader, int]]]:
    """The first items that the stage did not fail on."""
    for item in items:
        if count == 0:
            return
        found = shelf.find(item.id)
        if found is not None:
            count -= 1
            yield item, found

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
from i2vadapt.data.labels import relabel
from i2vadapt.data.shards.reader import ShardReader
from i2vadapt.errors import UserError
from i2vadapt.flow.colour import flow_to_colour
from i2vadapt.layout import DatasetFolder, shard_name
from i2vadapt.report.canvas import Strip, compose, depth_colours, evenly
from i2vadapt.report.datasets import existing_shards
from i2vadapt.stages import Kind

_logger = logging.getLogger(__name__)

_HEIGHT = 132
_PHOTOGRAPHS, _FRAMES, _FIELDS = 4, 8, 4
_UNLABELLED_ROWS = 8
MOST_CLASSES = 24
"""Classes shown on a sheet; more would make it too large for a page."""

Place = tuple[ShardReader, int]
"""A shard and the position of an item in it."""


class ItemFinder:
    """Finds items in the shards of one kind; opens only shards that hold a wanted item."""

    def __init__(self, folder: DatasetFolder, kind: Kind) -> None:
        self._folder, self._kind = folder, kind
        self._count = max(folder.count_shards(), 1)  # 0 where the tables of items were deleted
        self._readers: dict[Path, ShardReader] = {}

    def find(self, item_id: str) -> Place | None:
        """Shard and position of an item; None if it failed.

        Raises:
            UserError: if its shard is missing or damaged.
        """
        reader = self.reader(item_id)
        return (reader, reader.index(item_id)) if item_id in reader else None

    def path(self, item_id: str) -> Path:
        """Shard that an item belongs to."""
        return self._folder.shard(self._kind, shard_name(shard_of(item_id, self._count)))

    def reader(self, item_id: str) -> ShardReader:
        """Opens the shard that an item belongs to, once.

        Raises:
            UserError: if it is missing or damaged.
        """
        path = self.path(item_id)
        if path not in self._readers:
            self._readers[path] = ShardReader(path, self._kind)
        return self._readers[path]


def photographs_sheet(folder: DatasetFolder, classes: Sequence[str]) -> bytes:
    """Some photographs of each class, each followed by its inverse depth (near is bright), as PNG.

    Without depth, which a method of single frames does not need, photographs alone.
    """
    if not existing_shards(folder, "depth"):
        strips = [
            Strip(name, [_photograph(item) for item in items[: 2 * _PHOTOGRAPHS]])
            for name, items in _by_class(folder, classes)
        ]
        return compose(strips, _HEIGHT, "photographs")
    depth = ItemFinder(folder, "depth")
    strips = []
    for name, items in _by_class(folder, classes):
        pictures: list[np.ndarray | None] = []
        for item, (reader, position) in _first_found(items, depth, _PHOTOGRAPHS):
            pictures += [_photograph(item), depth_colours(reader.frames(position)[0])]
        strips.append(Strip(name, pictures))
    return compose(strips, _HEIGHT, "photographs and their inverse depth (bright is near)")


def _photograph(item: Item) -> np.ndarray | None:
    """The photograph; None if it can't be read any more, since a moved file should not prevent the report."""
    try:
        return read_image(item.path)
    except UserError as error:
        _logger.warning("%s", error)
        return None


def generated_sheet(folder: DatasetFolder, classes: Sequence[str]) -> bytes:
    """Frames of one generated video of each class, spread over its length, as PNG."""
    if not existing_shards(folder, "frames"):
        return _empty_sheet("generated videos")
    frames = ItemFinder(folder, "frames")
    strips = []
    for name, items in _by_class(folder, classes):
        for item, (reader, position) in _first_found(items, frames, 1):
            indices = evenly(int(reader.counts[position]), _FRAMES)
            caption = f"{name}: {item.id}, frames {', '.join(str(index + 1) for index in indices)}"
            strips.append(Strip(caption, list(reader.frames(position, indices))))
    return compose(strips, _HEIGHT, "generated videos")


def flow_sheet(folder: DatasetFolder, classes: Sequence[str], heading: str) -> bytes:
    """Frames of one video of each class, each followed by its flow to the next frame, as PNG.

    Hue is the direction; full saturation is the largest motion of the row, but at least one pixel.
    """
    if not existing_shards(folder, "flow"):
        return _empty_sheet(heading)
    frames, flow = ItemFinder(folder, "frames"), ItemFinder(folder, "flow")
    strips = []
    for name, items in _by_class(folder, classes):
        for item, place in _first_found(items, flow, 1):
            found = frames.find(item.id)
            if found is not None:
                strips.append(_flow_strip(f"{name}: {item.id}", found, place))
    return compose(strips, _HEIGHT, f"{heading}; saturation is relative to the row")


def _flow_strip(caption: str, frames: Place, flow: Place) -> Strip:
    reader, position = flow
    indices = evenly(int(reader.counts[position]), _FIELDS)
    fields = reader.frames(position, indices)
    largest = strongest(fields)
    pictures: list[np.ndarray | None] = []
    for view, field in zip(frames[0].frames(frames[1], indices), fields, strict=True):
        pictures += [view, flow_to_colour(field, largest)]
    return Strip(f"{caption}, up to {largest:.1f} pixels a frame", pictures)


def strongest(fields: np.ndarray) -> float:
    """Motion drawn at full saturation: the 99.5th percentile, since a few wrong vectors should not dim all others.

    At least one pixel, so that the noise of a still video stays pale.

    Args:
        fields: (N,H,W,2) pixels.
    """
    return max(float(np.percentile(np.linalg.norm(fields, axis=-1), 99.5)), 1.0)


def _empty_sheet(heading: str) -> bytes:
    return compose([], _HEIGHT, f"{heading}: none were made, as no method needs them")


def _by_class(folder: DatasetFolder, classes: Sequence[str]) -> Iterator[tuple[str, list[Item]]]:
    """Items of each class, ordered by a hash of their ids: arbitrary, but always the same.

    Without labels, single items take the place of classes; classes without a labelled item are left out.
    """
    listed = relabel(read_items(folder.manifest), classes, folder.manifest)
    items = sorted(listed, key=lambda item: hashlib.sha256(os.fsencode(item.id)).digest())
    if all(item.label == UNLABELLED for item in items):
        for item in items[:_UNLABELLED_ROWS]:
            yield "no label", [item]
        return
    for label, name in enumerate(classes[:MOST_CLASSES]):
        found = [item for item in items if item.label == label]
        if found:
            yield name, found


def _first_found(items: Sequence[Item], finder: ItemFinder, count: int) -> Iterator[tuple[Item, Place]]:
    """The first items that did not fail, at most `count`."""
    for item in items:
        if count == 0:
            return
        found = finder.find(item.id)
        if found is not None:
            count -= 1
            yield item, found

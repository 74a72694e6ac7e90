"""A dataset as a run sees it: its items, and their clips of one stream in 8 bits."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from i2vadapt.clips.footage import ItemDataset
from i2vadapt.clips.window import Window
from i2vadapt.config.base import Stream
from i2vadapt.data.flow_codec import flip_codes
from i2vadapt.data.image import flip_frames
from i2vadapt.data.items import read_items
from i2vadapt.data.shards.reader import ShardReader
from i2vadapt.data.shards.set import ShardSet
from i2vadapt.errors import UserError
from i2vadapt.layout import DatasetFolder

_logger = logging.getLogger(__name__)


class ClipDataset(ItemDataset):
    """Items of a dataset with their shards of frames and, for the stream `flow`, of flow.

    Args:
        folder: dataset folder, results/datasets/<dataset>.
        stream: stream of the clips.

    Attributes:
        manifest: table of the items.
        items: items that did not fail in preprocessing.
        frames_settings: settings with which the frames were made.
        flow_settings: settings with which the flow was made; empty for the stream `rgb`.

    Raises:
        UserError: if a shard is missing or damaged, the flow was computed from other frames, or no item is left.
    """

    def __init__(self, folder: Path, stream: Stream) -> None:
        layout = DatasetFolder(folder)
        self.manifest = layout.manifest
        manifest = read_items(self.manifest)
        count = layout.count_shards()
        if not count:
            raise UserError(f"{folder / 'items'}: no item tables: run the manifest stage")
        self.stream: Stream = stream
        paths = layout.shards("frames", count)
        self._frames = ShardSet(paths, "frames")
        self.frames_settings = self._frames.settings
        self._flow = _open_flow(layout, count, self._frames) if stream == "flow" else None
        self.flow_settings: dict[str, Any] = self._flow.settings if self._flow else {}
        stages = [self._frames, *([self._flow] if self._flow else [])]
        self.items = [item for item in manifest if all(item.id in stage for stage in stages)]
        if len(self.items) < len(manifest):
            kept = {item.id for item in self.items}
            lost = [item.id for item in manifest if item.id not in kept]
            _logger.warning("%s: %d items failed in preprocessing: %s", folder, len(lost), ", ".join(lost[:10]))
        if not self.items:
            raise UserError(f"{folder}: no item of manifest.csv has frames{' and flow' if self._flow else ''}")

    def digests(self) -> dict[str, list[str]]:
        """Digests of all shards of the dataset, by kind."""
        return {"frames": self._frames.digests, "flow": self._flow.digests if self._flow else []}

    def count(self, item_id: str) -> int:
        """Number of frames of an item."""
        return self._frames.count(item_id)

    def clip(self, item_id: str, indices: np.ndarray, window: Window, side: int) -> Tensor:
        """See `ItemDataset.clip`. The last frame, which has no next one, gets the flow of the last pair."""
        area = partial(window.area, side=side, name=item_id)
        if self._flow is None:
            frames = self._frames.stored(item_id, indices, area)
            return torch.from_numpy(flip_frames(frames) if window.flip else frames)
        shards = self._flow
        codes = shards.stored(item_id, np.minimum(indices, shards.count(item_id) - 1), area)
        return torch.from_numpy(flip_codes(codes) if window.flip else codes)


def _open_flow(layout: DatasetFolder, count: int, frames: ShardSet) -> ShardSet:
    """Opens the flow shards and checks that they were made from these frames."""
    paths = layout.shards("flow", count)
    flow = ShardSet(paths, "flow")
    for path, digest in zip(paths, frames.digests, strict=True):
        if ShardReader(path, "flow").provenance["inputs"]["frames"] != digest:
            raise UserError(
                f"{path}: computed from other frames than those in {layout.path / 'frames'}: run the flow stage again"
            )
    return flow

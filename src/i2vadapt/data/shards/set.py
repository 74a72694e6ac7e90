"""All shards of one kind of a dataset."""

from __future__ import annotations

import resource
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from i2vadapt.data.shards.reader import Area, ShardReader
from i2vadapt.errors import UserError


def _default_keep() -> int:
    # A training has four sets: frames and flow of two datasets. Most files are left to everything else.
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return 64 if limit == resource.RLIM_INFINITY else max(min(64, limit // 16), 1)


class ShardSet:
    """The shards of one kind of a dataset, indexed by item id; keeps the most recently used ones open.

    Args:
        paths: shards to open.
        kind: kind that they must be of.
        keep_open: number of shards that are kept open; None for 64, or less where the system allows few open files.

    Attributes:
        digests: content digest of each shard.
        settings: settings with which all of them were made.

    Raises:
        UserError: if a shard is missing or damaged, or was made with other settings or by another version of its stage.
    """

    def __init__(self, paths: Sequence[Path], kind: str, keep_open: int | None = None) -> None:
        self._readers: OrderedDict[int, ShardReader] = OrderedDict()
        self._paths, self._kind, self._keep = list(paths), kind, keep_open or _default_keep()
        self._place: dict[str, tuple[int, int, int]] = {}
        self.digests: list[str] = []
        first = self._reader(0).provenance
        self.settings: dict[str, Any] = first.get("settings", {})
        for number in range(len(self._paths)):
            reader = self._reader(number)
            if any(reader.provenance.get(name) != first.get(name) for name in ("stage", "stage_version", "settings")):
                raise UserError(
                    f"{reader.path}: made with other settings than {self._paths[0].name}: run its stage again"
                )
            self.digests.append(reader.digest)
            for item, item_id in enumerate(reader.ids):
                self._place[item_id] = (number, item, int(reader.counts[item]))

    def _reader(self, number: int) -> ShardReader:
        reader = self._readers.pop(number, None) or ShardReader(self._paths[number], self._kind)
        self._readers[number] = reader
        while len(self._readers) > self._keep:
            self._readers.popitem(last=False)
        return reader

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._place

    def count(self, item_id: str) -> int:
        """Number of frames of an item."""
        return self._place[item_id][2]

    def stored(self, item_id: str, indices: np.ndarray, area: Callable[[int, int], Area]) -> np.ndarray:
        """Areas of an item's frames in uint8, see `ShardReader.stored`."""
        number, item, _ = self._place[item_id]
        return self._reader(number).stored(item, indices, area)

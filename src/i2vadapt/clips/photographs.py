"""Photographs themselves, without depth or generated videos: the source of the image-level methods of Table 1."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from i2vadapt.clips.batches import SOURCE, Sample
from i2vadapt.clips.footage import ItemDataset
from i2vadapt.clips.window import Window
from i2vadapt.data.image import flip_frames, read_image, resize, size_with_short_side
from i2vadapt.data.items import digest_items, read_items
from i2vadapt.errors import UserError
from i2vadapt.layout import DatasetFolder


class Photographs(ItemDataset):
    """Photographs of a manifest, each a clip of one frame. They are read from their files whenever they are needed.

    Args:
        folder: dataset folder of the photographs, of which only the manifest is read.
        frames: settings by which the target's frames were made; photographs get the same short side and aspect.

    Raises:
        UserError: if the manifest is missing or empty.
    """

    def __init__(self, folder: Path, frames: Mapping[str, Any]) -> None:
        self.manifest = DatasetFolder(folder).manifest
        self.items = read_items(self.manifest)
        if not self.items:
            raise UserError(f"{self.manifest}: lists no photograph")
        self._short_side, self._aspect = int(frames["short_side"]), frames["aspect"]
        self._paths = {item.id: item.path for item in self.items}

    def digests(self) -> dict[str, list[str]]:
        """Digest of the photographs and their labels."""
        return {"photographs": [digest_items(self.items)]}

    def count(self, item_id: str) -> int:
        """One, the number of frames of a photograph."""
        return 1

    def clip(self, item_id: str, indices: np.ndarray, window: Window, side: int) -> Tensor:
        """See `ItemDataset.clip`; a photograph is repeated for every index.

        Raises:
            UserError: if the photograph cannot be read.
        """
        image = read_image(self._paths[item_id])
        height, width = size_with_short_side(image.shape[0], image.shape[1], self._short_side, self._aspect)
        area = window.area(height, width, side, item_id)
        frames = np.ascontiguousarray(resize(image, height, width)[area])[None]
        return torch.from_numpy(flip_frames(frames) if window.flip else frames).expand(len(indices), -1, -1, -1)


class PhotographClips(Dataset[Sample]):
    """Photographs with labels, cropped and flipped like the generated videos.

    Args:
        source: photographs.
        side: side of the square crop, pixels.
        key: seed and epoch.
    """

    def __init__(self, source: Photographs, side: int, key: tuple[int, int]) -> None:
        self._source, self._side, self._key = source, side, key

    def __len__(self) -> int:
        return len(self._source.items)

    def __getitem__(self, index: int) -> Sample:
        item = self._source.items[index]
        window = Window.draw(np.random.default_rng([*self._key, SOURCE, index]))
        clip = self._source.clip(item.id, np.zeros(1, np.int64), window, self._side)
        return {"clip": clip, "label": torch.tensor(item.label), "index": torch.tensor(index)}

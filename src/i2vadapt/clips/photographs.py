"""Photographs as clips of one frame, the training data of the image-only lower bound (SO (Img) of Table 1)."""

from __future__ import annotations

import numpy as np
import torch
from torch.utils.data import Dataset

from i2vadapt.clips.batches import SOURCE, Sample
from i2vadapt.clips.dataset import ClipDataset
from i2vadapt.clips.window import Window
from i2vadapt.data.image import flip_frames, read_image, resize, size_with_short_side


class PhotographClips(Dataset[Sample]):
    """Photographs with labels, resized, cropped and flipped like the generated videos.

    Args:
        source: dataset of the generated videos, whose items name the photographs.
        side: side of the square crop, pixels.
        key: seed and epoch.
    """

    def __init__(self, source: ClipDataset, side: int, key: tuple[int, int]) -> None:
        self._source, self._side, self._key = source, side, key

    def __len__(self) -> int:
        return len(self._source.items)

    def __getitem__(self, index: int) -> Sample:
        item, size = self._source.items[index], self._source.frames_settings
        rng = np.random.default_rng([*self._key, SOURCE, index])
        image = read_image(item.path)
        height, width = size_with_short_side(image.shape[0], image.shape[1], size["short_side"], size["aspect"])
        window = Window.draw(rng)
        area = window.area(height, width, self._side, item.id)
        frames = np.ascontiguousarray(resize(image, height, width)[area])[None]
        frames = flip_frames(frames) if window.flip else frames
        return {"clip": torch.from_numpy(frames), "label": torch.tensor(item.label)}

"""Clips of evaluation: frames spread evenly over a whole video, cut at the centre (paper section 4.2: 32 frames)."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from i2vadapt.clips.batches import Sample
from i2vadapt.clips.dataset import ClipDataset
from i2vadapt.clips.sampling import uniform_indices
from i2vadapt.clips.window import CENTRE, Window


class Footage(Protocol):
    """Whatever has clips of one stream: a dataset of shards, or a plain video file."""

    def count(self, item_id: str) -> int:
        """Frames of an item."""
        ...

    def clip(self, item_id: str, indices: np.ndarray, window: Window, side: int) -> Tensor:
        """(T,side,side,3 or 2) uint8; see `ClipDataset.clip`."""
        ...


def evaluation_clip(footage: Footage, item_id: str, frames: int, side: int) -> Tensor:
    """The clip that a video is judged by, (frames,side,side,3 or 2) uint8."""
    return footage.clip(item_id, uniform_indices(footage.count(item_id), frames), CENTRE, side)


class EvaluationClips(Dataset[Sample]):
    """All items of a dataset, in order.

    Args:
        dataset: the items.
        frames: of a clip.
        side: of the square, pixels.
    """

    def __init__(self, dataset: ClipDataset, frames: int, side: int) -> None:
        self._dataset, self._frames, self._side = dataset, frames, side

    def __len__(self) -> int:
        return len(self._dataset.items)

    def __getitem__(self, index: int) -> Sample:
        clip = evaluation_clip(self._dataset, self._dataset.items[index].id, self._frames, self._side)
        return {"clip": clip, "index": torch.tensor(index)}

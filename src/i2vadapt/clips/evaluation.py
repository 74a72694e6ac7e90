"""Clips for evaluation: frames spread evenly over a whole video, centre crop (paper section 4.2: 32 frames)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.utils.data import Dataset

from i2vadapt.clips.batches import Sample
from i2vadapt.clips.footage import Footage, ItemDataset
from i2vadapt.clips.sampling import uniform_indices
from i2vadapt.clips.window import CENTRE


def evaluation_clip(footage: Footage, item_id: str, frames: int, side: int) -> Tensor:
    """Reads the clip by which a video is classified.

    Args:
        footage: where the item's frames or flow are read.
        item_id: id of the item.
        frames: number of frames of the clip.
        side: side of the square crop, pixels.

    Returns:
        (frames,side,side,3) uint8 RGB, or (frames,side,side,2) uint8 flow codes.
    """
    return footage.clip(item_id, uniform_indices(footage.count(item_id), frames), CENTRE, side)


class EvaluationClips(Dataset[Sample]):
    """Evaluation clips of all items of a dataset, in order.

    Args:
        dataset: dataset that is evaluated.
        frames: number of frames of a clip.
        side: side of the square crop, pixels.
    """

    def __init__(self, dataset: ItemDataset, frames: int, side: int) -> None:
        self._dataset, self._frames, self._side = dataset, frames, side

    def __len__(self) -> int:
        return len(self._dataset.items)

    def __getitem__(self, index: int) -> Sample:
        clip = evaluation_clip(self._dataset, self._dataset.items[index].id, self._frames, self._side)
        return {"clip": clip, "index": torch.tensor(index)}

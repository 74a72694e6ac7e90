"""Clips of target videos in training: at a random pace, or spread over the whole video for the transfer losses."""

from __future__ import annotations

import numpy as np
import torch
from torch.utils.data import Dataset

from i2vadapt.clips.batches import PACED, TARGET, Sample
from i2vadapt.clips.dataset import ClipDataset
from i2vadapt.clips.sampling import draw_pace, pace_indices, uniform_indices
from i2vadapt.clips.source import stream_window
from i2vadapt.config.recipes.video import PaceSettings, Settings


class PacedClips(Dataset[Sample]):
    """Target videos played at a random pace, with the pace as label (paper section 3.3).

    Args:
        target: dataset of the real videos.
        settings: settings of the run; stream, sizes and crops are used.
        pace: settings of the pace prediction.
        key: seed and epoch.
    """

    def __init__(self, target: ClipDataset, settings: Settings, pace: PaceSettings, key: tuple[int, int]) -> None:
        self._target, self._settings, self._pace, self._key = target, settings, pace, key

    def __len__(self) -> int:
        return len(self._target.items)

    def __getitem__(self, index: int) -> Sample:
        item, settings, pace = self._target.items[index], self._settings, self._pace
        rng = np.random.default_rng([*self._key, PACED, index])
        count, frames = self._target.count(item.id), settings.clip_frames
        start, rate = draw_pace(rng, count, pace.classes)
        indices = pace_indices(count, start, rate, frames, pace.looping)
        if settings.stream == "flow" and pace.flow == "native":
            indices = uniform_indices(count, frames)
        clip = self._target.clip(item.id, indices, stream_window(rng, settings), settings.crop)
        return {"clip": clip, "pace": torch.tensor(rate)}


class TargetClips(Dataset[Sample]):
    """Target videos without labels, for the transfer losses (paper section 4.5).

    Frames and flow are spread over the whole video, as in evaluation and in the flow retrieved from the bank.

    Args:
        target: dataset of the real videos.
        settings: settings of the run; stream, sizes and crops are used.
        key: seed and epoch.
    """

    def __init__(self, target: ClipDataset, settings: Settings, key: tuple[int, int]) -> None:
        self._target, self._settings, self._key = target, settings, key

    def __len__(self) -> int:
        return len(self._target.items)

    def __getitem__(self, index: int) -> Sample:
        item, settings = self._target.items[index], self._settings
        rng = np.random.default_rng([*self._key, TARGET, index])
        indices = uniform_indices(self._target.count(item.id), settings.clip_frames)
        return {"clip": self._target.clip(item.id, indices, stream_window(rng, settings), settings.crop)}

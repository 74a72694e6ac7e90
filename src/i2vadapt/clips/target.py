"""Clips of target videos in training: at a random pace, or spread over the whole video for the transfer losses."""

from __future__ import annotations

import numpy as np
import torch
from torch.utils.data import Dataset

from i2vadapt.clips.dataset import PACED, TARGET, DomainClips, Sample, Window
from i2vadapt.clips.sampling import draw_pace, pace_indices, uniform_indices
from i2vadapt.config import TrainSettings


class PacedClips(Dataset[Sample]):
    """Target videos played at a random pace, with the pace as label (paper section 3.3).

    Args:
        target: real videos.
        settings: sizes, crops, paces.
        key: seed and epoch.
    """

    def __init__(self, target: DomainClips, settings: TrainSettings, key: tuple[int, int]) -> None:
        self._target, self._settings, self._key = target, settings, key

    def __len__(self) -> int:
        return len(self._target.items)

    def __getitem__(self, index: int) -> Sample:
        item, settings, pace = self._target.items[index], self._settings, self._settings.pace
        if pace is None:
            raise ValueError("no settings of pace prediction")
        rng = np.random.default_rng([*self._key, PACED, index])
        count, frames = self._target.frames.count(item.id), settings.clip_frames
        start, rate = draw_pace(rng, count, pace.classes)
        indices = pace_indices(count, start, rate, frames, pace.looping)
        window = Window.draw(rng)
        sample = {"pace": torch.tensor(rate)}
        if "rgb" in paced_streams(settings):
            sample["rgb"] = self._target.rgb_clip(item.id, indices, window, settings.crop)
        if "flow" in paced_streams(settings):
            indices = indices if pace.flow == "matched" else uniform_indices(count, frames)
            window = window if settings.crops == "shared" else Window.draw(rng)
            sample["flow"] = self._target.flow_clip(item.id, indices, window, settings.crop)
        return sample


def paced_streams(settings: TrainSettings) -> tuple[str, ...]:
    """Streams that see the paced clips: those with a pace head, and the others for their statistics if so set."""
    pace = settings.pace
    if pace is None:
        return ()
    return tuple(name for name in settings.streams if name in pace.streams or pace.other_streams == "statistics")


class TargetClips(Dataset[Sample]):
    """Target videos without labels, for the transfer losses (paper section 4.5).

    Frames and flow are spread over the whole video, as in evaluation and as the flow that the bank lends.

    Args:
        target: real videos.
        settings: sizes, crops, streams of the transfer loss.
        key: seed and epoch.
    """

    def __init__(self, target: DomainClips, settings: TrainSettings, key: tuple[int, int]) -> None:
        self._target, self._settings, self._key = target, settings, key

    def __len__(self) -> int:
        return len(self._target.items)

    def __getitem__(self, index: int) -> Sample:
        item, settings = self._target.items[index], self._settings
        streams = settings.transfer.streams
        rng = np.random.default_rng([*self._key, TARGET, index])
        indices = uniform_indices(self._target.frames.count(item.id), settings.clip_frames)
        window, flow_window = Window.draw(rng), Window.draw(rng)
        sample = {}
        if "rgb" in settings.streams and "rgb" in streams:
            sample["rgb"] = self._target.rgb_clip(item.id, indices, window, settings.crop)
        if "flow" in settings.streams and "flow" in streams:
            window = window if settings.crops == "shared" else flow_window
            sample["flow"] = self._target.flow_clip(item.id, indices, window, settings.crop)
        return sample

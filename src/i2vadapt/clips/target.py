"""Target videos in training: clips at a random pace, clips spread over the whole video, and single frames."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch.utils.data import Dataset

from i2vadapt.clips.batches import PACED, TARGET, Sample
from i2vadapt.clips.footage import ItemDataset
from i2vadapt.clips.sampling import draw_pace, pace_indices, segment_frame, uniform_indices
from i2vadapt.clips.source import stream_window
from i2vadapt.clips.window import Window
from i2vadapt.config.recipes.video import PaceSettings, Settings


class PacedClips(Dataset[Sample]):
    """Target videos played at a random pace, with the pace as label (paper section 3.3).

    Args:
        target: dataset of the real videos.
        settings: settings of the run; stream, sizes and crops are used.
        pace: settings of the pace prediction.
        key: seed and epoch.
    """

    def __init__(self, target: ItemDataset, settings: Settings, pace: PaceSettings, key: tuple[int, int]) -> None:
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
    """Target videos without labels, for transfer losses (paper section 4.5) and pseudo-labels.

    Frames and flow are spread over the whole video, as in evaluation and in the flow retrieved from the bank.

    Args:
        target: dataset of the real videos.
        clip_frames: number of frames of a clip.
        side: side of the square crop, pixels.
        window: draws the crop of an item from its generator.
        key: seed and epoch.
    """

    def __init__(
        self,
        target: ItemDataset,
        clip_frames: int,
        side: int,
        window: Callable[[np.random.Generator], Window],
        key: tuple[int, int],
    ) -> None:
        self._target, self._frames, self._side = target, clip_frames, side
        self._window, self._key = window, key

    def __len__(self) -> int:
        return len(self._target.items)

    def __getitem__(self, index: int) -> Sample:
        item = self._target.items[index]
        rng = np.random.default_rng([*self._key, TARGET, index])
        indices = uniform_indices(self._target.count(item.id), self._frames)
        clip = self._target.clip(item.id, indices, self._window(rng), self._side)
        return {"clip": clip, "index": torch.tensor(index)}


class TargetFrames(Dataset[Sample]):
    """Single frames of target videos: of each video one random frame from each of several equal segments, as in TSN.

    Every epoch draws other frames.

    Args:
        target: dataset of the real videos.
        segments: number of segments, so of frames of a video.
        side: side of the square crop, pixels.
        key: seed and epoch.
    """

    def __init__(self, target: ItemDataset, segments: int, side: int, key: tuple[int, int]) -> None:
        self._target, self._segments, self._side, self._key = target, segments, side, key

    def __len__(self) -> int:
        return len(self._target.items) * self._segments

    def __getitem__(self, index: int) -> Sample:
        video, segment = divmod(index, self._segments)
        item = self._target.items[video]
        rng = np.random.default_rng([*self._key, TARGET, index])
        frame = segment_frame(rng, self._target.count(item.id), segment, self._segments)
        clip = self._target.clip(item.id, np.array([frame]), Window.draw(rng), self._side)
        return {"clip": clip, "index": torch.tensor(video)}

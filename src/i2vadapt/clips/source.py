"""Clips of generated videos with labels; with the memory bank, the flow is retrieved real flow (paper section 3.2).

Every random choice depends on (seed, epoch, purpose, item number) alone, so that neither the number of loader processes
nor an interruption changes a clip, and runs of different streams cut the same squares.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from i2vadapt.clips.batches import SOURCE, Sample
from i2vadapt.clips.dataset import ClipDataset
from i2vadapt.clips.sampling import uniform_indices
from i2vadapt.clips.window import CENTRE, Window
from i2vadapt.config.recipes.video import Settings
from i2vadapt.data.flow_codec import dequantise

Retrieve = Callable[[np.random.Generator, int], list[tuple[str, float]]]
"""Maps the number of a source item to ids and weights of the target items whose flow it gets; none keeps its own."""


class SourceClips(Dataset[Sample]):
    """Generated videos with labels.

    Args:
        source: generated videos.
        target: real videos, where retrieved flow is read.
        settings: sizes, crops.
        key: seed and epoch.
        retrieve: chooses flow of the target, or None to keep the source's own flow.
    """

    def __init__(
        self,
        source: ClipDataset,
        target: ClipDataset,
        settings: Settings,
        key: tuple[int, int],
        retrieve: Retrieve | None,
    ) -> None:
        self._source, self._target, self._settings = source, target, settings
        self._key, self._retrieve = key, retrieve

    def __len__(self) -> int:
        return len(self._source.items)

    def __getitem__(self, index: int) -> Sample:
        item, settings = self._source.items[index], self._settings
        rng = np.random.default_rng([*self._key, SOURCE, index])
        window = stream_window(rng, settings)
        retrieved = self._retrieve(rng, index) if self._retrieve is not None else []
        if retrieved:
            clip = self._retrieved_clip(retrieved, window)
        else:
            clip = self._as_blended(_whole_clip(self._source, item.id, settings, window))
        return {"clip": clip, "label": torch.tensor(item.label)}

    def _retrieved_clip(self, retrieved: list[tuple[str, float]], window: Window) -> Tensor:
        settings = self._settings
        if settings.bank is not None and settings.bank.window == "centre":
            window = CENTRE
        clips = [_whole_clip(self._target, item_id, settings, window) for item_id, _ in retrieved]
        if not self._blends:
            return clips[0]
        # Videos may differ in size, so they are blended after the crop; and in pixels, not in rounded codes.
        fields = (weight * _as_field(clip) for (_, weight), clip in zip(retrieved, clips, strict=True))
        return torch.from_numpy(sum(fields, np.float32(0)))

    @property
    def _blends(self) -> bool:
        return self._retrieve is not None and self._settings.bank is not None and self._settings.bank.blends

    def _as_blended(self, clip: Tensor) -> Tensor:
        """All clips of a batch are of one type: codes, or where flow is blended (T,S,S,2) float32 in [-1,1]."""
        return torch.from_numpy(_as_field(clip)) if self._blends else clip


def stream_window(rng: np.random.Generator, settings: Settings) -> Window:
    """The window of a run's stream. The first one drawn is that of RGB, whichever stream is read."""
    window = Window.draw(rng)
    return Window.draw(rng) if settings.stream == "flow" and settings.crops == "separate" else window


def _whole_clip(dataset: ClipDataset, item_id: str, settings: Settings, window: Window) -> Tensor:
    """Frames spread evenly over a whole video."""
    indices = uniform_indices(dataset.count(item_id), settings.clip_frames)
    return dataset.clip(item_id, indices, window, settings.crop)


def _as_field(codes: Tensor) -> np.ndarray:
    return dequantise(codes.numpy(), 1.0)

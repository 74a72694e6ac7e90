"""Clips of generated videos with labels; with the memory bank, their flow is retrieved real flow (paper section 3.2).

Every random choice depends only on (seed, epoch, purpose, item number), so neither the number of loader processes nor
an interruption changes a clip, and runs of different streams use the same crops.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from i2vadapt.clips.batches import SOURCE, Sample
from i2vadapt.clips.footage import ItemDataset
from i2vadapt.clips.sampling import uniform_indices
from i2vadapt.clips.window import CENTRE, Window
from i2vadapt.config.recipes.video import Settings
from i2vadapt.data.flow_codec import dequantise

Retrieve = Callable[[np.random.Generator, int], list[tuple[str, float]]]
"""Maps the number of a source item to ids and weights of the target items whose flow it retrieves; an empty list means
that the item keeps its own flow.
"""


class SourceClips(Dataset[Sample]):
    """Generated videos with labels.

    Args:
        source: dataset of the generated videos.
        target: dataset of the real videos, from which retrieved flow is read.
        settings: settings of the run; stream, sizes, crops and memory bank are used.
        key: seed and epoch.
        retrieve: choice of the target's flow for an item; None keeps the source's own flow.
    """

    def __init__(
        self,
        source: ItemDataset,
        target: ItemDataset,
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
        # Videos may differ in size, so they are blended after the crop, and as unrounded flow rather than as codes.
        fields = (weight * _as_field(clip) for (_, weight), clip in zip(retrieved, clips, strict=True))
        return torch.from_numpy(sum(fields, np.float32(0)))

    @property
    def _blends(self) -> bool:
        return self._retrieve is not None and self._settings.bank is not None and self._settings.bank.blends

    def _as_blended(self, clip: Tensor) -> Tensor:
        """Converts a clip to float32 in [-1,1] where flow is blended: all clips of a batch must have the same type."""
        return torch.from_numpy(_as_field(clip)) if self._blends else clip


def stream_window(rng: np.random.Generator, settings: Settings) -> Window:
    """Draws the crop of a run's stream. The first crop drawn is that of RGB, whatever the stream of the run.

    Args:
        rng: random generator of the item.
        settings: settings of the run; `stream` and `crops` are used.
    """
    window = Window.draw(rng)
    return Window.draw(rng) if settings.stream == "flow" and settings.crops == "separate" else window


def _whole_clip(dataset: ItemDataset, item_id: str, settings: Settings, window: Window) -> Tensor:
    """Clip of frames spread evenly over a whole video."""
    indices = uniform_indices(dataset.count(item_id), settings.clip_frames)
    return dataset.clip(item_id, indices, window, settings.crop)


def _as_field(codes: Tensor) -> np.ndarray:
    return dequantise(codes.numpy(), 1.0)

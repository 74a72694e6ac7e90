"""Loaders of a run's batches, in an order that depends only on seed and epoch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch.utils.data import Dataset

from i2vadapt.clips.batches import ORDER, SOURCE, TARGET, Part, Sample, in_order, shuffled
from i2vadapt.clips.domains import Domains
from i2vadapt.clips.evaluation import EvaluationClips
from i2vadapt.clips.footage import ItemDataset
from i2vadapt.clips.loading import load_batches
from i2vadapt.config.run import TrainingSettings
from i2vadapt.runtime.process_group import ProcessGroup


class Loaders:
    """Loads batches; of each batch, a process gets its own part.

    Args:
        settings: settings of the run; sizes of clips and batches are used.
        seed: seed of the order.
        workers: number of loader processes; 0 loads in the calling process.
        group: the processes that share each batch.
        pin_memory: whether to copy batches to pinned memory, from which a GPU reads faster.
    """

    def __init__(
        self, settings: TrainingSettings, seed: int, workers: int, group: ProcessGroup, pin_memory: bool
    ) -> None:
        self._settings, self._seed, self._workers = settings, seed, workers
        self._group, self._pin = group, pin_memory

    def training(
        self, clips: Dataset[Sample], count: int, steps: int, key: tuple[int, int], first: int = 0
    ) -> Iterator[Sample]:
        """Loads the training batches of an epoch; beside its clips, a sample has the `share` of its part (see `Part`).

        Args:
            clips: clips by item number.
            count: number of items.
            steps: number of batches of the epoch; after one round over all items, another one begins.
            key: epoch, counted from 0, and purpose.
            first: first step to load.
        """
        epoch, purpose = key
        batches = shuffled(count, self._settings.batch_size, steps, (self._seed, epoch, ORDER, purpose))[first:]
        parts = [Part.of(batch, self._group) for batch in batches]
        for part, sample in zip(parts, self._load(clips, [part.items for part in parts]), strict=True):
            yield sample | {"share": torch.tensor(part.share, dtype=torch.float64)}

    def evaluation(self, dataset: ItemDataset, frames: int) -> Iterator[Sample]:
        """Loads evaluation clips of this process's part of a dataset, in order.

        Args:
            dataset: dataset that is evaluated.
            frames: number of frames of a clip.
        """
        items = self._group.part(list(range(len(dataset.items))))
        batches = [[items[place] for place in batch] for batch in in_order(len(items), self._settings.batch_size)]
        return self._load(EvaluationClips(dataset, frames, self._settings.crop), batches)

    def calibration(self, domains: Domains) -> Iterator[Sample]:
        """Loads whole batches of training length, alternating between the domains until one of them is exhausted."""
        loaders = []
        for purpose, dataset in ((SOURCE, domains.source), (TARGET, domains.target)):
            clips = EvaluationClips(dataset, self._settings.clip_frames, self._settings.crop)
            count, size, key = len(clips), self._settings.batch_size, (self._seed, 0, ORDER, purpose)
            loaders.append(self._load(clips, shuffled(count, size, -(-count // size), key)))
        for pair in zip(*loaders, strict=False):
            yield from pair

    def _load(self, clips: Dataset[Sample], batches: Sequence[list[int]]) -> Iterator[Sample]:
        return load_batches(clips, batches, self._workers, self._group.world_size, self._pin)

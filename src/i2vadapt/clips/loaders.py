"""Loaders of a run's batches, in an order that depends on seed and epoch alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch.utils.data import DataLoader, Dataset

from i2vadapt.clips.batches import ORDER, SOURCE, TARGET, Part, Sample, in_order, shuffled
from i2vadapt.clips.dataset import ClipDataset
from i2vadapt.clips.domains import Domains
from i2vadapt.clips.evaluation import EvaluationClips
from i2vadapt.config.run import RunSettings
from i2vadapt.errors import UserError
from i2vadapt.runtime.preemption import ignore_signals
from i2vadapt.runtime.process_group import ProcessGroup


class Loaders:
    """Makes the batches of an epoch, of each this process's part.

    Args:
        settings: sizes of clips and batches.
        seed: decides the order.
        workers: loader processes; 0 loads in the calling process.
        group: the processes that share each batch.
        pin_memory: copies batches to memory from which a GPU reads faster.
    """

    def __init__(self, settings: RunSettings, seed: int, workers: int, group: ProcessGroup, pin_memory: bool) -> None:
        self._settings, self._seed, self._workers = settings, seed, workers
        self._group, self._pin = group, pin_memory

    def training(
        self, clips: Dataset[Sample], count: int, steps: int, key: tuple[int, int], first: int = 0
    ) -> Iterator[Sample]:
        """Batches of an epoch; a sample has its `share` of the whole batch beside the clips.

        Args:
            clips: the items.
            count: how many there are.
            steps: batches of the epoch; when all items had their turn, they come again.
            key: epoch, from 0, and purpose.
            first: step to begin with.
        """
        epoch, purpose = key
        batches = shuffled(count, self._settings.batch_size, steps, (self._seed, epoch, ORDER, purpose))[first:]
        parts = [Part.of(batch, self._group) for batch in batches]
        for part, sample in zip(parts, self._load(clips, [part.items for part in parts]), strict=True):
            yield sample | {"share": torch.tensor(part.share, dtype=torch.float64)}

    def evaluation(self, dataset: ClipDataset, frames: int) -> Iterator[Sample]:
        """This process's part of all items, in order, whole and cut at the centre."""
        mine = self._group.part(list(range(len(dataset.items))))
        batches = [[mine[place] for place in batch] for batch in in_order(len(mine), self._settings.batch_size)]
        return self._load(EvaluationClips(dataset, frames, self._settings.crop), batches)

    def calibration(self, domains: Domains) -> Iterator[Sample]:
        """Whole batches of clips of training length of both domains in turns, until one of them ends."""
        loaders = []
        for purpose, dataset in ((SOURCE, domains.source), (TARGET, domains.target)):
            clips = EvaluationClips(dataset, self._settings.clip_frames, self._settings.crop)
            count, size, key = len(clips), self._settings.batch_size, (self._seed, 0, ORDER, purpose)
            loaders.append(self._load(clips, shuffled(count, size, -(-count // size), key)))
        for pair in zip(*loaders, strict=False):
            yield from pair

    def _load(self, clips: Dataset[Sample], batches: Sequence[list[int]]) -> Iterator[Sample]:
        loader: DataLoader[Sample] = DataLoader(
            clips,
            batch_sampler=batches,
            # The loader seeds its processes from it: without one it would disturb the random state of the training.
            generator=torch.Generator(),
            num_workers=self._workers,
            multiprocessing_context="fork" if self._workers else None,
            worker_init_fn=ignore_signals,
            pin_memory=self._pin,
        )
        return plain_errors(loader)


def plain_errors(batches: Iterable[Sample]) -> Iterator[Sample]:
    """Batches of a loader; a user's mistake found in a loader process is raised without that process's traceback."""
    try:
        yield from batches
        return
    except UserError as error:
        message = str(error).rpartition(f"{UserError.__module__}.{UserError.__name__}: ")[2].strip()
        error.__traceback__ = None  # it would keep the loader, and so its processes, alive
    raise UserError(message)

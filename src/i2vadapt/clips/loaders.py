"""Loaders of a run's batches, in an order that depends on seed and epoch alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import torch
from torch.utils.data import DataLoader, Dataset

from i2vadapt.clips.batches import Part, in_order, shuffled
from i2vadapt.clips.dataset import (
    PACED,
    SOURCE,
    TARGET,
    DomainClips,
    Lend,
    Sample,
    SourceClips,
    TestClips,
    plain_errors,
)
from i2vadapt.clips.domains import Domains
from i2vadapt.clips.photographs import PhotographClips
from i2vadapt.clips.target import PacedClips, TargetClips
from i2vadapt.runtime.preemption import ignore_signals
from i2vadapt.runtime.process_group import ProcessGroup
from i2vadapt.training.run import Run

_ORDER = 3  # beside SOURCE, PACED and TARGET: keys of random numbers


class Loaders:
    """Makes the batches of an epoch, of each this process's part.

    A sample of a training batch has its `share` of the whole batch beside the clips.

    Args:
        run: whose settings and seed count.
        domains: its data.
        group: the processes that share each batch.
        pin_memory: copies batches to memory from which a GPU reads faster.
    """

    def __init__(self, run: Run, domains: Domains, group: ProcessGroup, pin_memory: bool) -> None:
        self._run, self._settings, self._group = run, run.settings, group
        self._source, self._target, self._pin = domains.source, domains.target, pin_memory

    @property
    def steps(self) -> int:
        """Steps of an epoch: one pass over the source."""
        return -(-len(self._source.items) // self._settings.batch_size)

    def source(self, epoch: int, lend: Lend | None, first: int = 0) -> Iterator[Sample]:
        """Generated videos, or photographs, with labels.

        Args:
            epoch: from 0.
            lend: what lends flow to them, see `SourceClips`; None keeps their own.
            first: step to begin with.
        """
        key = (self._run.seed, epoch)
        clips: Dataset[Sample] = SourceClips(self._source, self._target, self._settings, key, lend)
        if self._settings.source_clips == "photographs":
            clips = PhotographClips(self._source, self._settings, key)
        return self._training_batches(clips, len(self._source.items), (epoch, _ORDER, SOURCE), first)

    def paced(self, epoch: int, first: int = 0) -> Iterator[Sample | None]:
        """Target batches for pace prediction, as many as there are of the source; None without it."""
        if self._settings.pace is None:
            return itertools.repeat(None)
        clips = PacedClips(self._target, self._settings, (self._run.seed, epoch))
        return self._training_batches(clips, len(clips), (epoch, _ORDER, PACED), first)

    def target(self, epoch: int, first: int = 0) -> Iterator[Sample | None]:
        """Target batches for the transfer loss, as many as there are of the source; None without it."""
        if self._settings.transfer.loss == "none":
            return itertools.repeat(None)
        clips = TargetClips(self._target, self._settings, (self._run.seed, epoch))
        return self._training_batches(clips, len(clips), (epoch, _ORDER, TARGET), first)

    def whole(self, domain: DomainClips, frames: int, streams: Sequence[str]) -> Iterator[Sample]:
        """This process's part of all videos of a domain, in order, whole and cut at the centre, as in evaluation."""
        mine = self._group.part(list(range(len(domain.items))))
        batches = [[mine[place] for place in batch] for batch in in_order(len(mine), self._settings.batch_size)]
        return self._load(TestClips(domain, frames, self._settings.crop, streams), batches)

    def calibration(self) -> Iterator[Sample]:
        """Whole batches of flow clips of training length of both domains in turns, until one of them ends."""
        loaders = []
        for number, domain in ((SOURCE, self._source), (TARGET, self._target)):
            clips = TestClips(domain, self._settings.clip_frames, self._settings.crop, ("flow",))
            count, size, key = len(clips), self._settings.batch_size, (self._run.seed, 0, _ORDER, number)
            loaders.append(self._load(clips, shuffled(count, size, -(-count // size), key)))
        for pair in zip(*loaders, strict=False):
            yield from pair

    def _training_batches(
        self, clips: Dataset[Sample], count: int, key: tuple[int, ...], first: int
    ) -> Iterator[Sample]:
        batches = shuffled(count, self._settings.batch_size, self.steps, (self._run.seed, *key))[first:]
        parts = [Part.of(batch, self._group) for batch in batches]
        for part, sample in zip(parts, self._load(clips, [part.items for part in parts]), strict=True):
            yield sample | {"share": torch.tensor(part.share)}

    def _load(self, clips: Dataset[Sample], batches: Sequence[list[int]]) -> Iterator[Sample]:
        loader: DataLoader[Sample] = DataLoader(
            clips,
            batch_sampler=batches,
            # The loader seeds its processes from it: without one it would disturb the random state of the training.
            generator=torch.Generator(),
            num_workers=self._run.workers,
            multiprocessing_context="fork" if self._run.workers else None,
            worker_init_fn=ignore_signals,
            pin_memory=self._pin,
        )
        return plain_errors(loader)

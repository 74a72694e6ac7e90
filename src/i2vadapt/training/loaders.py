"""Loaders of a run's batches, in an order that depends on seed and epoch alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from i2vadapt.training.clips import (
    DomainClips,
    Lend,
    Sample,
    SourceClips,
    TestClips,
    plain_errors,
)
from i2vadapt.training.domains import Domains
from i2vadapt.training.photographs import PhotographClips
from i2vadapt.training.run import Run
from i2vadapt.training.target_clips import PacedClips, TargetClips


class Loaders:
    """Makes the loaders of an epoch.

    Args:
        run: whose settings and seed count.
        domains: its data.
        pin_memory: copies batches to memory from which a GPU reads faster.
    """

    def __init__(self, run: Run, domains: Domains, pin_memory: bool) -> None:
        self._run, self._settings = run, run.settings
        self._source, self._target, self._pin = domains.source, domains.target, pin_memory

    def source(self, epoch: int, lend: Lend | None) -> DataLoader[Sample]:
        """Generated videos, or photographs, with labels.

        Args:
            epoch: from 0.
            lend: what lends flow to them, see `SourceClips`; None keeps their own.
        """
        key = (self._run.seed, epoch)
        clips: Dataset[Sample] = SourceClips(self._source, self._target, self._settings, key, lend)
        if self._settings.source_clips == "photographs":
            clips = PhotographClips(self._source, self._settings, key)
        return self._loader(clips, epoch, shuffle=True)

    def paced(self, epoch: int) -> Iterator[Sample | None]:
        """Target batches for pace prediction, from the beginning again when they run out; None without it."""
        clips = PacedClips(self._target, self._settings, (self._run.seed, epoch)) if self._settings.pace else None
        return self._endless(clips, epoch)

    def target(self, epoch: int) -> Iterator[Sample | None]:
        """Target batches for the transfer loss, from the beginning again when they run out; None without it."""
        if self._settings.transfer.loss == "none":
            return self._endless(None, epoch)
        return self._endless(TargetClips(self._target, self._settings, (self._run.seed, epoch)), epoch)

    def _endless(self, clips: Dataset[Sample] | None, epoch: int) -> Iterator[Sample | None]:
        if clips is None:
            yield from itertools.repeat(None)
            return
        loader = self._loader(clips, epoch, shuffle=True)
        while True:
            yield from plain_errors(loader)

    def whole(self, domain: DomainClips, epoch: int, frames: int, streams: Sequence[str]) -> DataLoader[Sample]:
        """All videos of a domain in order, whole and cut at the centre, as in evaluation."""
        return self._loader(TestClips(domain, frames, self._settings.crop, streams), epoch, shuffle=False)

    def calibration(self) -> Iterator[Sample]:
        """Flow clips of training length of both domains in turns, until one of them ends."""
        loaders = [
            self._loader(TestClips(domain, self._settings.clip_frames, self._settings.crop, ("flow",)), 0, shuffle=True)
            for domain in (self._source, self._target)
        ]
        for pair in zip(*map(plain_errors, loaders), strict=False):
            yield from pair

    def _loader(self, clips: Dataset[Sample], epoch: int, shuffle: bool) -> DataLoader[Sample]:
        order = torch.Generator().manual_seed(int(np.random.SeedSequence([self._run.seed, epoch]).generate_state(1)[0]))
        return DataLoader(
            clips,
            self._settings.batch_size,
            shuffle=shuffle,
            generator=order,
            num_workers=self._run.workers,
            multiprocessing_context="fork" if self._run.workers else None,
            pin_memory=self._pin,
        )

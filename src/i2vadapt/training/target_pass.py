"""What happens between two epochs: the target is scored, and its pseudo-labels refill the memory bank."""

from __future__ import annotations

import logging

import numpy as np

from i2vadapt.adaptation import FlowMemoryBank
from i2vadapt.models import TwoStream
from i2vadapt.training.clips import DomainClips, DrawFlow, plain_errors
from i2vadapt.training.evaluation import Scores, accuracies, score
from i2vadapt.training.history import Row
from i2vadapt.training.loaders import Loaders
from i2vadapt.training.precision import Arithmetic
from i2vadapt.training.run import Run

_logger = logging.getLogger(__name__)


class TargetPass:
    """Scores the target after an epoch, where the bank or the record needs it, and refills the bank.

    Args:
        run: what is trained.
        target: real videos.
        model: the networks.
        loaders: of the run.
        arithmetic: where and how the networks compute.

    Attributes:
        bank: references to the target's most confident videos, or None.
    """

    def __init__(
        self, run: Run, target: DomainClips, model: TwoStream, loaders: Loaders, arithmetic: Arithmetic
    ) -> None:
        self._run, self._settings, self._target = run, run.settings, target
        self._model, self._loaders, self._arithmetic = model, loaders, arithmetic
        bank = run.settings.bank
        self.bank = FlowMemoryBank(len(run.classes), bank.capacity) if bank else None

    def bank_is_used(self, epoch: int) -> bool:
        """After the warm-up, and the delay of the released code."""
        bank = self._settings.bank
        return bank is not None and epoch >= bank.warmup_epochs + bank.delay_epochs

    def lender(self, epoch: int) -> DrawFlow | None:
        """What lends flow of the target to the source videos in an epoch; None where they keep their own."""
        bank = self.bank
        if bank is None or not self.bank_is_used(epoch):
            return None

        def draw(rng: np.random.Generator, label: int) -> str | None:
            numbers, found = bank.draw(rng, [label])
            return self._target.items[int(numbers[0])].id if found[0] else None

        return draw

    def after_epoch(self, done: int) -> Row:
        """Scores and refills.

        Args:
            done: epochs that are done.

        Returns:
            What is recorded of it; empty where nothing was scored.
        """
        fills = self.bank_is_used(done) and done < self._settings.epochs
        if not (fills or done % self._settings.evaluate_every == 0 or done == self._settings.epochs):
            return {}
        scores = self.score(self._target, done - 1)
        row: Row = accuracies(scores, self._target.labels)
        return row | self._refill(scores) if fills else row

    def _refill(self, scores: Scores) -> Row:
        bank = self.bank
        if bank is None:
            return {}
        bank.rebuild(np.arange(len(scores.fused)), scores.fused)
        row: Row = {"bank_flows": float(bank.fill().sum()), "bank_smallest_class": float(bank.fill().min())}
        if self._target.is_labelled:
            row["bank_purity"] = bank.purity(self._target.labels)
        empty = [name for name, count in zip(self._run.classes, bank.fill(), strict=True) if count == 0]
        if empty:
            _logger.warning("no video is taken for %s: its photographs keep their own flow", ", ".join(empty))
        return row

    def score(self, domain: DomainClips, epoch: int) -> Scores:
        """Scores of all items of a dataset."""
        batches = plain_errors(self._loaders.whole(domain, epoch))
        return score(self._model, batches, self._arithmetic, self._settings.fusion)

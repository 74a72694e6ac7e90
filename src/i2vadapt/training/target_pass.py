"""What happens between two epochs: the target is scored, and its pseudo-labels refill the memory bank."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from i2vadapt.adaptation.memory_bank import FlowMemoryBank
from i2vadapt.adaptation.retrieval import lend, needs_similarity, similarities_with_bank
from i2vadapt.clips.dataset import DomainClips, Lend, Sample
from i2vadapt.clips.domains import Domains
from i2vadapt.clips.loaders import Loaders
from i2vadapt.errors import Preempted
from i2vadapt.inference.scores import Scores, accuracies, joined, rgb_features, score
from i2vadapt.models.two_stream import TwoStream
from i2vadapt.runtime.precision import Arithmetic
from i2vadapt.runtime.preemption import StopRequest
from i2vadapt.runtime.process_group import ProcessGroup
from i2vadapt.training.history import Row
from i2vadapt.training.run import Run

_logger = logging.getLogger(__name__)


class TargetPass:
    """Scores the target after an epoch, where the bank or the record needs it, and refills the bank.

    Strategies that compare RGB features take both sides from this pass: the target's features come with its scores,
    and the source is passed once through the same weights. So the choice for every source video is known before an
    epoch begins, and loader processes can read the flow ahead of the network.

    Args:
        run: what is trained.
        domains: its data.
        model: the networks.
        loaders: of the run.
        arithmetic: where and how the networks compute.
        group: the processes that share the videos.

    Attributes:
        bank: references to the target's most confident videos, or None.
    """

    def __init__(
        self,
        run: Run,
        domains: Domains,
        model: TwoStream,
        loaders: Loaders,
        arithmetic: Arithmetic,
        group: ProcessGroup,
    ) -> None:
        self._run, self._settings, self._domains = run, run.settings, domains
        self._source, self._target = domains.source, domains.target
        self._model, self._loaders, self._arithmetic, self._group = model, loaders, arithmetic, group
        bank = run.settings.bank
        self.bank = FlowMemoryBank(len(run.classes), bank.capacity) if bank else None
        self._similarity = np.zeros((len(domains.source.items), bank.capacity if bank else 0), np.float32)

    def bank_is_used(self, epoch: int) -> bool:
        """After the warm-up, and the delay of the released code."""
        bank = self._settings.bank
        return bank is not None and epoch >= bank.warmup_epochs + bank.delay_epochs

    def lender(self, epoch: int) -> Lend | None:
        """What lends flow of the target to the source videos in an epoch; None where they keep their own."""
        settings, bank = self._settings.bank, self.bank
        if settings is None or bank is None or not self.bank_is_used(epoch):
            return None
        strategy, labels = settings.strategy, self._source.labels

        def draw(rng: np.random.Generator, index: int) -> list[tuple[str, float]]:
            loan = lend(bank, strategy, rng, int(labels[index]), self._similarity[index])
            if loan is None:
                return []
            ids = [self._target.items[number].id for number in loan.items]
            return list(zip(ids, loan.weights.tolist(), strict=True))

        return draw

    def after_epoch(self, done: int, stop: StopRequest) -> Row:
        """Scores and refills.

        Args:
            done: epochs that are done.
            stop: what may end the pass in the middle.

        Returns:
            What is recorded of it; empty where nothing was scored.

        Raises:
            Preempted: if it was stopped.
        """
        fills = self.bank_is_used(done) and done < self._settings.epochs
        if not (fills or done % self._settings.evaluate_every == 0 or done == self._settings.epochs):
            return {}
        scores = self._score(self._domains.test, stop)
        row: Row = accuracies(scores, self._domains.test.labels)
        if fills and self.bank is not None:
            if self._target is not self._domains.test:
                scores = self._score(self._target, stop)
            row |= self._refill(self.bank, scores, stop)
        return row

    def _score(self, videos: DomainClips, stop: StopRequest) -> Scores:
        settings = self._settings
        batches = self._until(stop, self._loaders.whole(videos, settings.test_frames, settings.streams))
        return joined(self._group.gather(score(self._model, batches, self._arithmetic, settings.fusion)))

    def _refill(self, bank: FlowMemoryBank, scores: Scores, stop: StopRequest) -> Row:
        bank.rebuild(np.arange(len(scores.fused)), scores.fused)
        settings = self._settings
        if settings.bank is not None and needs_similarity(settings.bank.strategy):
            clips = self._until(stop, self._loaders.whole(self._source, settings.clip_frames, ("rgb",)))
            mine = rgb_features(self._model, clips, self._arithmetic)
            features = np.concatenate(self._group.gather(mine))
            self._similarity = similarities_with_bank(bank, features, self._source.labels, scores.features["rgb"])
        fill = dict(zip(self._run.classes, bank.fill().tolist(), strict=True))
        row: Row = {"bank_flows": float(sum(fill.values())), "bank_smallest_class": float(min(fill.values()))}
        row |= {f"bank_fill_{name}": float(count) for name, count in fill.items()}
        if self._target.is_labelled:
            row["pseudo_label_accuracy"] = accuracies(scores, self._target.labels)["accuracy_fused"]
            row["bank_purity"] = bank.purity(self._target.labels)
        empty = [name for name, count in fill.items() if count == 0]
        if empty:
            _logger.warning("no video is taken for %s: its photographs keep their own flow", ", ".join(empty))
        _logger.info("memory bank: %d references of %d bytes each", row["bank_flows"], bank.bytes_per_entry)
        return row

    def _until(self, stop: StopRequest, batches: Iterator[Sample]) -> Iterator[Sample]:
        for batch in batches:
            # One of several processes must not leave the others waiting for its scores.
            if stop.received and self._group.world_size == 1:
                raise Preempted
            yield batch

    def state_dict(self) -> dict[str, Any] | None:
        """What the next epoch needs of this pass; None without a memory bank."""
        if self.bank is None:
            return None
        return {**self.bank.state_dict(), "similarity": torch.from_numpy(self._similarity.copy())}

    def load_state_dict(self, state: dict[str, Any] | None) -> None:
        """Restores what `state_dict` gave."""
        if self.bank is not None and state is not None:
            self.bank.load_state_dict(state)
            self._similarity = state["similarity"].numpy()

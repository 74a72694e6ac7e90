"""The memory bank of a flow run: refilled from scores, read by the source videos (paper section 3.2)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from i2vadapt.adaptation.memory_bank import FlowMemoryBank
from i2vadapt.adaptation.retrieval import retrieve, similarities_with_bank
from i2vadapt.clips.domains import Domains
from i2vadapt.clips.source import Retrieve
from i2vadapt.config.recipes.video import BankSettings
from i2vadapt.errors import UserError
from i2vadapt.inference.metrics import accuracies
from i2vadapt.inference.scores import Scores
from i2vadapt.recipes.votes import vote

_logger = logging.getLogger(__name__)


class FlowBank:
    """References to the target's most confident videos, and the choice of those whose flow a source video retrieves.

    Strategies that compare RGB features use those that the partner stored with its scores of the same epoch. Every
    choice is therefore known before an epoch begins, and loader processes can prefetch clips.

    Args:
        settings: settings of the bank.
        classes: class names in the order of the labels.
        domains: data of the run.
    """

    def __init__(self, settings: BankSettings, classes: Sequence[str], domains: Domains) -> None:
        self._settings, self._classes, self._domains = settings, classes, domains
        self._bank = FlowMemoryBank(len(classes), settings.capacity)
        self._similarity = np.zeros((len(domains.source.items), settings.capacity), np.float32)

    def is_used(self, epoch: int) -> bool:
        """Whether source videos retrieve flow in an epoch, counted from 0."""
        return epoch >= self._settings.first_epoch

    def retriever(self, epoch: int) -> Retrieve | None:
        """The function that chooses the target's flow for the source videos of an epoch.

        Args:
            epoch: epoch, counted from 0.

        Returns:
            The function, or None for an epoch in which all source videos keep their own flow.
        """
        if not self.is_used(epoch):
            return None
        labels, videos = self._domains.source.labels, self._domains.target.items

        def choose(rng: np.random.Generator, index: int) -> list[tuple[str, float]]:
            strategy = self._settings.strategy
            retrieved = retrieve(self._bank, strategy, rng, int(labels[index]), self._similarity[index])
            if retrieved is None:
                return []
            ids = [videos[number].id for number in retrieved.items]
            return list(zip(ids, retrieved.weights.tolist(), strict=True))

        return choose

    def refill(self, epoch: int, scores: Scores, partners: Mapping[str, Scores]) -> dict[str, float]:
        """Refills the bank with the most confident videos of each pseudo class.

        Args:
            epoch: number of finished epochs.
            scores: this run's scores of the target videos.
            partners: the partner's scores of the same epoch, by the partner's name; empty without a partner.

        Returns:
            Fill of the bank and the share of its videos that it held before (`bank_kept`); for a labelled target, the
            accuracy of the pseudo labels and the purity of the bank and of each class. All are recorded only.

        Raises:
            UserError: if the scores do not belong to the same videos and classes, or lack features.
        """
        fused = vote(self._settings, scores, partners, has_seen_bank=epoch > self._settings.first_epoch)
        places = {item_id: place for place, item_id in enumerate(fused.ids)}
        items = self._domains.target.items
        numbers = [number for number, item in enumerate(items) if item.id in places]
        chosen = [places[items[number].id] for number in numbers]
        before = set(self._bank.items[self._bank.items >= 0].tolist())
        self._bank.rebuild(numbers, fused.probabilities[chosen])
        if self._settings.compares_features:
            self._similarity = self._compare(partners)
        row = self._describe_fill()
        if before:
            held = self._bank.items[self._bank.items >= 0]
            row["bank_kept"] = float(np.isin(held, list(before)).mean()) if len(held) else 0.0
        if self._domains.target.is_labelled:
            row |= self._compare_with_truth(numbers, fused.predictions[chosen])
        return row

    def _compare_with_truth(self, numbers: Sequence[int], predicted: np.ndarray) -> dict[str, float]:
        """What labelled videos tell about the bank; some or all of the videos may have no label."""
        labels = self._domains.target.labels
        found = accuracies(predicted, labels[numbers])
        row = {"pseudo_label_accuracy": found["accuracy"]} if found else {}
        shares = {"bank_purity": self._bank.purity(labels)}
        shares |= {
            f"bank_purity_{name}": float(share)
            for name, share in zip(self._classes, self._bank.class_purity(labels), strict=True)
        }
        return row | {name: share for name, share in shares.items() if not np.isnan(share)}

    def _compare(self, partners: Mapping[str, Scores]) -> np.ndarray:
        """Cosines (n, capacity) between every source video and the videos held for its class."""
        name, scores = next(iter(partners.items()))
        source, target = (
            scores.features_of(side, [item.id for item in dataset.items])
            for side, dataset in (("source", self._domains.source), ("target", self._domains.target))
        )
        if source is None or target is None:
            raise UserError(f"run {name}: its scores contain no features: train it again with keep_features: true")
        return similarities_with_bank(self._bank, source, self._domains.source.labels, target)

    def _describe_fill(self) -> dict[str, float]:
        fill = dict(zip(self._classes, self._bank.fill().tolist(), strict=True))
        empty = [name for name, count in fill.items() if count == 0]
        if empty:
            _logger.warning(
                "memory bank: no target video was assigned to class %s; its source clips keep their own flow",
                ", ".join(empty),
            )
        _logger.info("memory bank: %d references of %d bytes each", sum(fill.values()), self._bank.bytes_per_entry)
        row = {"bank_flows": float(sum(fill.values())), "bank_smallest_class": float(min(fill.values()))}
        return row | {f"bank_fill_{name}": float(count) for name, count in fill.items()}

    def state_dict(self) -> dict[str, Any]:
        """Content of the bank and the cosines of the source videos."""
        return {**self._bank.state_dict(), "similarity": torch.from_numpy(self._similarity.copy())}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores the state returned by `state_dict`."""
        self._bank.load_state_dict(state)
        self._similarity = state["similarity"].numpy()

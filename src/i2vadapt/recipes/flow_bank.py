"""The memory bank of a flow run: refilled from scores, asked for flow by the source videos (paper section 3.2)."""

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
from i2vadapt.inference.scores import Scores, fuse

_logger = logging.getLogger(__name__)


class FlowBank:
    """References to the target's most confident videos, and which of them a source video gets.

    Strategies that compare RGB features take those that the partner kept with its scores of the same epoch. So the
    choice for every source video is known before an epoch begins, and loader processes can read ahead of the network.

    Args:
        settings: capacity, warm-up, strategy, partner.
        classes: names in the order of the labels.
        domains: the run's data.
    """

    def __init__(self, settings: BankSettings, classes: Sequence[str], domains: Domains) -> None:
        self._settings, self._classes, self._domains = settings, classes, domains
        self._bank = FlowMemoryBank(len(classes), settings.capacity)
        self._similarity = np.zeros((len(domains.source.items), settings.capacity), np.float32)

    def is_used(self, epoch: int) -> bool:
        """Whether source videos retrieve flow in an epoch, counted from 0."""
        return epoch >= self._settings.first_epoch

    def retriever(self, epoch: int) -> Retrieve | None:
        """What chooses flow of the target for the source videos of an epoch; None where they keep their own."""
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

    def refill(self, scores: Scores, parents: Mapping[str, Scores]) -> dict[str, float]:
        """Refills the bank with the most confident videos of each pseudo class.

        Args:
            scores: of the target's videos by this run.
            parents: of the same epoch by the partner.

        Returns:
            How full the bank is, and with the target's labels, for the record alone, how right.

        Raises:
            UserError: if the scores are not of the same videos and classes, or lack features.
        """
        fused = fuse([*parents.values(), scores])
        places = {item_id: place for place, item_id in enumerate(fused.ids)}
        items = self._domains.target.items
        numbers = [number for number, item in enumerate(items) if item.id in places]
        chosen = [places[items[number].id] for number in numbers]
        self._bank.rebuild(numbers, fused.probabilities[chosen])
        if self._settings.compares_features:
            self._similarity = self._compare(parents)
        row = self._describe_fill()
        if self._domains.target.is_labelled:
            labels = self._domains.target.labels
            predicted = fused.predictions[chosen]
            row["pseudo_label_accuracy"] = accuracies(predicted, labels[numbers])["accuracy"]
            row["bank_purity"] = self._bank.purity(labels)
        return row

    def _compare(self, parents: Mapping[str, Scores]) -> np.ndarray:
        """Cosines of every source video with the videos that are held for its class."""
        name, scores = next(iter(parents.items()))
        source, target = (
            scores.features_of(side, [item.id for item in dataset.items])
            for side, dataset in (("source", self._domains.source), ("target", self._domains.target))
        )
        if source is None or target is None:
            raise UserError(f"run {name} kept no features with its scores: train it again with keep_features: true")
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
        """What the next epoch retrieves from."""
        return {**self._bank.state_dict(), "similarity": torch.from_numpy(self._similarity.copy())}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores what `state_dict` gave."""
        self._bank.load_state_dict(state)
        self._similarity = state["similarity"].numpy()

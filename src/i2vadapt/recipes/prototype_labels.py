"""Labels of target videos by class prototypes, from the features after an epoch (ST-I2V, Zhuo et al. 2023)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from i2vadapt.adaptation.prototypes import class_prototypes, nearest_prototypes
from i2vadapt.clips.batches import Sample
from i2vadapt.config.recipes.video import PrototypeSettings
from i2vadapt.data.items import UNLABELLED
from i2vadapt.inference.scores import Scores
from i2vadapt.losses.small_loss import small_loss_cross_entropy
from i2vadapt.recipes.base import Context, Row
from i2vadapt.recipes.teacher import describe_labels


class PrototypeLabels:
    """Labels of the target videos, computed again after every epoch; before the first time, no video has one.

    Args:
        settings: weight of the loss and the share of a batch that counts.
        context: data of the run.
    """

    def __init__(self, settings: PrototypeSettings, context: Context) -> None:
        self._settings, self._context = settings, context
        self._labels = torch.full((len(context.domains.target.items),), UNLABELLED)

    def update(self, scores: Scores) -> Row:
        """Labels the videos.

        Args:
            scores: scores of the videos, with the features of both domains.

        Returns:
            Number of labels and, for a labelled target, the share of right ones.
        """
        domains = self._context.domains
        ids = [item.id for item in domains.target.items]
        source = scores.features_of("source", [item.id for item in domains.source.items])
        target = scores.features_of("target", ids)
        if source is None or target is None:
            raise ValueError("the scores contain no features")
        places = {item_id: place for place, item_id in enumerate(scores.ids)}
        predicted = scores.predictions[[places[item_id] for item_id in ids]]
        classes = np.concatenate([domains.source.labels, predicted])
        prototypes = class_prototypes(np.concatenate([source, target]), classes, len(self._context.classes))
        labels = nearest_prototypes(target, prototypes)
        self._labels = torch.from_numpy(labels)
        return describe_labels(labels, domains.target.labels)

    def loss(self, sample: Sample, logits: Tensor) -> Tensor:
        """Weighted cross-entropy of the videos of a batch that have the smallest loss.

        Args:
            sample: batch of `TargetClips`.
            logits: logits (N, C).

        Returns:
            Scalar; 0 before the first labels.
        """
        labels = self._labels[sample["index"]].to(logits.device, non_blocking=True)
        return self._settings.weight * small_loss_cross_entropy(logits, labels, self._settings.keep)

    def state_dict(self) -> dict[str, Any]:
        """The labels."""
        return {"labels": self._labels}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores the state returned by `state_dict`."""
        self._labels = state["labels"]

"""Accuracy over videos, and mean accuracy over classes."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import accuracy_score, recall_score

from i2vadapt.data.items import UNLABELLED


def accuracies(predicted: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Computes the accuracies of the labelled videos.

    Args:
        predicted: predicted classes (n,).
        labels: true classes (n,), -1 where unknown.

    Returns:
        `accuracy`, the share of correctly predicted videos from 0 to 1, and `class_accuracy`, the mean of that share
        over the classes that have videos; empty without labelled videos.
    """
    known = labels != UNLABELLED
    truth = labels[known]
    if not truth.size:
        return {}
    by_class = recall_score(truth, predicted[known], labels=np.unique(truth), average="macro", zero_division=0)
    return {"accuracy": float(accuracy_score(truth, predicted[known])), "class_accuracy": float(by_class)}

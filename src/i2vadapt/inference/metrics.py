"""Accuracy over videos, and mean accuracy over classes."""

from __future__ import annotations

import numpy as np

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
    right = predicted[known] == truth
    by_class = [right[truth == label].mean() for label in np.unique(truth)]
    return {"accuracy": float(right.mean()), "class_accuracy": float(np.mean(by_class))}

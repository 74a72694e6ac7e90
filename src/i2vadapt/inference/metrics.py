"""Accuracy per video, and as the mean over classes."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import accuracy_score, recall_score

from i2vadapt.data.items import UNLABELLED


def accuracies(predicted: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Accuracies of the labelled videos; without any the result is empty.

    Args:
        predicted: (n,) classes.
        labels: (n,) true classes, -1 where unknown.

    Returns:
        accuracy: share of videos that are right, 0 to 1. class_accuracy: its mean over the classes that have videos.
    """
    known = labels != UNLABELLED
    truth = labels[known]
    if not truth.size:
        return {}
    by_class = recall_score(truth, predicted[known], labels=np.unique(truth), average="macro", zero_division=0)
    return {"accuracy": float(accuracy_score(truth, predicted[known])), "class_accuracy": float(by_class)}

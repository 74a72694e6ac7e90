"""Accuracy of the methods: per video and as the mean over classes, by stream and fused, over the seeds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from i2vadapt.inference.metrics import accuracies
from i2vadapt.report.runs import FUSED, STREAMS, Method, Predictions
from i2vadapt.report.text import percent

SCORES = tuple(f"{kind}_{stream}" for kind in ("accuracy", "class_accuracy") for stream in (*STREAMS, FUSED))
"""All accuracies that a method may have: per video and as the mean over classes, of each stream and fused."""


def stream_accuracies(predictions: Predictions) -> dict[str, float]:
    """Accuracies of one evaluation by the names of `SCORES`; without those of missing streams, empty without labels."""
    return {
        f"{kind}_{stream}": value
        for stream, predicted in predictions.by_stream.items()
        for kind, value in accuracies(predicted, predictions.truth).items()
    }


def accuracy_by_seed(methods: Sequence[Method]) -> pd.DataFrame:
    """Accuracies as shares.

    Returns:
        (evaluations, 6) one row a method and seed, indexed by both; columns `SCORES`, NaN for missing streams.
    """
    rows = {
        (method.name, evaluation.seed): stream_accuracies(evaluation.predictions)
        for method in methods
        for evaluation in method.evaluations
    }
    index = pd.MultiIndex.from_tuples(rows, names=("method", "seed"))
    return pd.DataFrame(list(rows.values()), index=index, columns=list(SCORES), dtype=np.float64)


def accuracy_over_seeds(methods: Sequence[Method]) -> pd.DataFrame:
    """Mean and standard deviation of a sample (NaN with a single seed), as shares.

    Returns:
        (methods, 12) indexed by method; for each name of `SCORES` a column of means and one of deviations, <name>_std.
    """
    by_method = accuracy_by_seed(methods).groupby(level="method", sort=False)
    spread = pd.concat([by_method.mean(), by_method.std().add_suffix("_std")], axis=1)
    return spread[[f"{name}{end}" for name in SCORES for end in ("", "_std")]]


def in_percent(mean: float, deviation: float) -> str:
    """As '74.1 ± 0.3'; '74.1' without a deviation, empty without a mean."""
    if np.isnan(mean):
        return ""
    return percent(mean) + ("" if np.isnan(deviation) else f" ± {percent(deviation)}")


def is_labelled(methods: Sequence[Method]) -> bool:
    """Whether every method has an accuracy to report."""
    return all(method.is_labelled for method in methods)

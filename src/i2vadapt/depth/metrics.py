"""Quality measures for inverse depth of unknown scale and shift."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

FARTHEST = 20.0
"""Largest depth compared, metres: pixels beyond it (sky, horizon) are ignored, and predictions are clipped to it."""


@dataclass(frozen=True)
class DepthScores:
    """Two common measures, each a mean over images.

    Attributes:
        abs_rel: mean of |predicted - true| / true depth.
        delta1: share of pixels with max(predicted / true, true / predicted) below 1.25.
    """

    abs_rel: float
    delta1: float


def align(prediction: NDArray[np.floating], target: NDArray[np.floating]) -> NDArray[np.float64]:
    """Scales and shifts values (P,) to minimise the squared difference from a target (P,)."""
    columns = np.stack([prediction.astype(np.float64), np.ones(len(prediction))], axis=1)
    solution = np.linalg.lstsq(columns, target.astype(np.float64), rcond=None)[0]
    aligned: NDArray[np.float64] = columns @ solution
    return aligned


def depth_scores(inverse_depth: NDArray[np.floating], depth: NDArray[np.floating]) -> DepthScores:
    """Scores one map after scale-and-shift alignment in inverse depth.

    Args:
        inverse_depth: predicted map (H, W), of any scale and shift.
        depth: true map (H, W) in metres, 0 where unknown; at least some of it within `FARTHEST`.
    """
    near = (depth > 0) & (depth <= FARTHEST)
    truth = depth[near].astype(np.float64)
    aligned = align(inverse_depth[near], 1 / truth)
    predicted = 1 / np.maximum(aligned, 1 / FARTHEST)
    ratio = np.maximum(predicted / truth, truth / predicted)
    return DepthScores(float(np.mean(np.abs(predicted - truth) / truth)), float(np.mean(ratio < 1.25)))


def mean_scores(scores: Iterable[DepthScores]) -> DepthScores:
    """Averages scores over images.

    Args:
        scores: scores of at least one image.
    """
    rows = [tuple(asdict(score).values()) for score in scores]
    return DepthScores(*(float(value) for value in np.mean(rows, axis=0)))

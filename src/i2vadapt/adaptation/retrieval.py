"""Choice of the flow that a source video retrieves from the memory bank (paper section 3.2, strategies of Table 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from i2vadapt.adaptation.memory_bank import FlowMemoryBank
from i2vadapt.config.recipes.video import Strategy
from i2vadapt.errors import UserError

_TOP = {"simw_mean_top5": 5, "simw_sum_top5": 5, "simw_top1": 1, "simw_random_top5": 5}


@dataclass(frozen=True)
class Retrieved:
    """Flow retrieved for a source video: a weighted sum of the flow of target items.

    Attributes:
        items: indices (k,) of target items.
        weights: weights (k,), at least 0 with sum 1, so that the result stays within the range of flow.
    """

    items: NDArray[np.int64]
    weights: NDArray[np.float64]


def retrieve(
    bank: FlowMemoryBank, strategy: Strategy, rng: np.random.Generator, label: int, similarity: NDArray[np.floating]
) -> Retrieved | None:
    r"""Chooses the flow of one source video among the items held for its class.

    ``random`` takes one item of all (the method: Random 1/60), ``mean`` the mean of all. With s the cosine between the
    RGB features of the source video and of an item, ``simw_sum`` is the sum of all items weighted by s,
    ``simw_mean_top5`` and ``simw_sum_top5`` the mean and the weighted sum of the five most similar items,
    ``simw_top1`` the most similar item and ``simw_random_top5`` one of the five. Weighted sums are divided by the sum
    of their weights. The paper does not mention this, but the flow would otherwise be many times stronger than any
    flow seen in testing, and in its table weighted sums and means lie within one point of each other.

    Args:
        bank: memory bank.
        strategy: strategy, a row of Table 3.
        rng: random generator; exactly one number is drawn, whatever the strategy and the content of the bank.
        label: class of the source video.
        similarity: cosines (N,) with the places of the class in the bank; read by the strategies `simw_…` only.

    Returns:
        Items to retrieve, or None if none are held for the class, in which case the video keeps its own flow.

    Raises:
        UserError: if the strategy is unknown.
        ValueError: if the label is out of range.
    """
    if strategy not in get_args(Strategy):
        raise UserError(f"bank.strategy is {strategy!r}; allowed: {', '.join(get_args(Strategy))}")
    held = bank.held(label)
    # Scaling one uniform number, rather than drawing an integer below the fill, advances the generator by the same
    # amount whatever the bank holds, so a different content leaves all later random choices unchanged.
    chance = rng.random()
    if not len(held):
        return None
    places = np.arange(len(held))
    if strategy.startswith("simw_"):
        places = np.argsort(-similarity[: len(held)], kind="stable")[: _TOP.get(strategy)]
    if strategy in ("random", "simw_random_top5"):
        places = places[[int(chance * len(places))]]
    weights = np.ones(len(places))
    if strategy in ("simw_sum", "simw_sum_top5"):
        weights = np.maximum(similarity[places].astype(np.float64), 0)
        if not weights.any():
            weights = np.ones(len(places))
    return Retrieved(held[places], weights / weights.sum())


def unit_rows(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Divides features (n, F) by their Euclidean norms; those that are zero everywhere stay zero."""
    wide = values.astype(np.float64)
    return np.asarray(wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12))


def similarities(source: NDArray[np.floating], target: NDArray[np.floating]) -> NDArray[np.float32]:
    """Computes the cosines between two sets of features.

    Args:
        source: features (n, F).
        target: features (m, F).

    Returns:
        Cosines (n, m) in [-1, 1]; 0 for features that are zero everywhere.
    """
    return np.asarray(unit_rows(source) @ unit_rows(target).T, np.float32)


def similarities_with_bank(
    bank: FlowMemoryBank, source: NDArray[np.floating], labels: NDArray[np.int64], target: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Computes the cosines between every source video and the items held for its class.

    Args:
        bank: memory bank.
        source: features (n, F) of the source videos.
        labels: classes (n,) of the source videos.
        target: features (items, F) of the target by item index.

    Returns:
        Cosines (n, N) in [-1, 1]; 0 in empty places.
    """
    result = np.zeros((len(source), bank.capacity), np.float32)
    for label in np.unique(labels):
        held, rows = bank.held(int(label)), labels == label
        result[rows, : len(held)] = similarities(source[rows], target[held])
    return result

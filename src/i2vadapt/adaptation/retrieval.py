"""Which flow of the memory bank a source video gets (paper section 3.2, and the strategies of Table 3)."""

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
        items: (k,) item indices.
        weights: (k,) not negative, sum 1, so that the sum stays within the range of flow.
    """

    items: NDArray[np.int64]
    weights: NDArray[np.float64]


def retrieve(
    bank: FlowMemoryBank, strategy: Strategy, rng: np.random.Generator, label: int, similarity: NDArray[np.floating]
) -> Retrieved | None:
    r"""Chooses flow for one source video among the items held for its class.

    ``random`` takes one of all (the method: Random 1/60), ``mean`` the mean of all. With s the cosine between the RGB
    features of the source video and of an item, ``simw_sum`` is the sum of all weighted by s, ``simw_mean_top5`` and
    ``simw_sum_top5`` the mean and the weighted sum of the five most similar, ``simw_top1`` the most similar one and
    ``simw_random_top5`` one of the five. Weighted sums are divided by the sum of their weights: the paper does not say
    so, but the flow would otherwise be many times stronger than any flow seen in the test, and its table has weighted
    sums beside means within a point.

    Args:
        bank: what is held.
        strategy: a row of Table 3.
        rng: source of randomness; one number is used up, whatever the strategy and whatever is held.
        label: class of the source video.
        similarity: (N,) cosines with the places of the bank's row; read by the strategies `simw_` only.

    Returns:
        What to retrieve, or None if nothing is held for the class: the video keeps its own flow.

    Raises:
        UserError: unknown strategy.
        ValueError: a label out of range.
    """
    if strategy not in get_args(Strategy):
        raise UserError(f"bank.strategy is {strategy!r}; allowed: {', '.join(get_args(Strategy))}")
    held = bank.held(label)
    # Scaling one uniform number, rather than asking for an integer below the fill, takes the same from the generator
    # whatever the bank holds: a changed bank leaves all later random choices as they were.
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


def similarities(source: NDArray[np.floating], target: NDArray[np.floating]) -> NDArray[np.float32]:
    """Cosines between features.

    Args:
        source: (n, F).
        target: (m, F).

    Returns:
        (n, m) in [-1, 1]; 0 for a feature that is zero everywhere.
    """
    unit = [
        values / np.maximum(np.linalg.norm(values.astype(np.float64), axis=1, keepdims=True), 1e-12)
        for values in (source, target)
    ]
    return np.asarray(unit[0] @ unit[1].T, np.float32)


def similarities_with_bank(
    bank: FlowMemoryBank, source: NDArray[np.floating], labels: NDArray[np.int64], target: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Cosines of every source video with the items held for its class.

    Args:
        bank: what is held.
        source: (n, F) features of the source videos.
        labels: (n,) their classes.
        target: (items, F) features by item index.

    Returns:
        (n, N), 0 in empty places.
    """
    result = np.zeros((len(source), bank.capacity), np.float32)
    for label in np.unique(labels):
        held, mine = bank.held(int(label)), labels == label
        result[mine, : len(held)] = similarities(source[mine], target[held])
    return result

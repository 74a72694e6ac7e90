"""Confidence of a network on the target, judged without target labels: by its success on labelled source clips.

A network knows no better what it predicts on the target than what it was taught on the source. The probability that it
gave the true class of source clips (`Scores.source_probability`) therefore bounds its confidence on the target, and
says how much its vote is worth. Camera-induced flow, for example, carries little information about the class even on
the source.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from i2vadapt.errors import UserError
from i2vadapt.inference.scores import Scores

_HALVINGS = 60
_FLATTEST = 1e-6  # exponent of probabilities that are uniform for all purposes


def calibrate(scores: Scores) -> Scores:
    """Flattens class probabilities until their mean confidence is at most the probability of the source's true classes.

    All probabilities are raised to one power from 0 to 1, which is a temperature, and normalised: the predictions stay.

    Raises:
        UserError: if the scores have no `source_probability`.
    """
    wanted = _source_probability(scores)
    if scores.confidence.mean() <= wanted:
        return scores
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if _flatten(scores.probabilities, middle).max(1).mean() > wanted else (middle, high)
    return replace(scores, probabilities=_flatten(scores.probabilities, max(low, _FLATTEST)))


def _flatten(probabilities: np.ndarray, exponent: float) -> np.ndarray:
    logarithms = exponent * np.log(np.maximum(probabilities.astype(np.float64), np.finfo(np.float32).tiny))
    powers = np.exp(logarithms - logarithms.max(axis=1, keepdims=True))
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


def source_weights(parts: Sequence[Scores]) -> list[float]:
    """Weights of networks in late fusion: what each knows of the source beyond chance.

    Args:
        parts: scores of the same classes.

    Returns:
        A weight from 0 for each, proportional to the probability of the source's true classes, rescaled so that chance
        is 0; their sum is the number of networks. All 1 if none is better than chance.

    Raises:
        UserError: if scores have no `source_probability`.
    """
    chance = 1 / len(parts[0].classes)
    known = [max(_source_probability(part) - chance, 0.0) for part in parts]
    if not sum(known):
        return [1.0] * len(parts)
    return [len(parts) * value / sum(known) for value in known]


def _source_probability(scores: Scores) -> float:
    if scores.source_probability is None:
        raise UserError("scores without source_probability: only runs of the recipe video measure it; train it again")
    return scores.source_probability

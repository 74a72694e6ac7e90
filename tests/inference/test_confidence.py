from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from i2vadapt.errors import UserError
from i2vadapt.inference.confidence import calibrate, source_weights
from i2vadapt.inference.scores import Scores

CLASSES = ("a", "b", "c")


def scores(probabilities: np.ndarray, source_probability: float | None) -> Scores:
    n = len(probabilities)
    ids = tuple(f"{number}.mp4" for number in range(n))
    return Scores(
        ids, CLASSES, np.zeros(n, np.int64), np.ones(n, bool), probabilities, source_probability=source_probability
    )


def drawn(seed: int, sharpness: float, n: int = 40) -> np.ndarray:
    logits = sharpness * np.random.default_rng(seed).normal(size=(n, len(CLASSES)))
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return (powers / powers.sum(1, keepdims=True)).astype(np.float32)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 99), sharpness=st.floats(0.1, 60), wanted=st.floats(0, 1))
def test_confidence_is_at_most_the_probability_of_the_sources_true_classes(
    seed: int, sharpness: float, wanted: float
) -> None:
    before = scores(drawn(seed, sharpness), wanted)
    after = calibrate(before)
    if wanted > 0.35:  # flatter than that, float32 cannot tell the classes apart
        assert after.predictions.tolist() == before.predictions.tolist()
    assert after.probabilities.sum(axis=1) == pytest.approx(1, abs=1e-5)
    expected = np.clip(wanted, 1 / len(CLASSES), before.confidence.mean())  # no flatter than uniform, never sharper
    assert after.confidence.mean() == pytest.approx(expected, abs=1e-3)


def test_one_temperature_serves_all_videos() -> None:
    probabilities = np.array([[0.6, 0.3, 0.1], [0.9, 0.05, 0.05]], np.float32)
    found = np.log(calibrate(scores(probabilities, 0.5)).probabilities.astype(np.float64))
    exponents = (found[:, 0] - found[:, 2]) / np.log(probabilities[:, 0] / probabilities[:, 2])
    assert exponents[0] == pytest.approx(exponents[1], rel=1e-4)
    assert 0 < exponents[0] < 1


def test_probabilities_of_zero_can_be_flattened() -> None:
    certain = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
    assert calibrate(scores(certain, 0.4)).confidence.mean() == pytest.approx(0.4, abs=1e-3)


@pytest.mark.parametrize(
    ("known", "weights"),
    [
        ((0.8, 0.8), [1, 1]),
        ((1.0, 1 / 3), [2, 0]),
        ((2 / 3, 0.5), [4 / 3, 2 / 3]),
        ((0.2, 0.9), [0, 2]),  # worse than chance is worth as little as chance
        ((0.1, 0.2), [1, 1]),
    ],
)
def test_a_stream_weighs_what_it_knows_of_the_source_beyond_chance(
    known: tuple[float, float], weights: list[float]
) -> None:
    parts = [scores(drawn(0, 1), value) for value in known]
    assert source_weights(parts) == pytest.approx(weights)


def test_scores_that_measured_nothing_on_the_source_are_refused() -> None:
    unmeasured = scores(drawn(0, 1), None)
    for use in (lambda: calibrate(unmeasured), lambda: source_weights([unmeasured])):
        with pytest.raises(UserError, match="without source_probability: only runs of the recipe video measure it"):
            use()

from __future__ import annotations

import numpy as np
import pytest

from i2vadapt.depth.metrics import DepthScores, align, depth_scores, mean_scores


def test_alignment_finds_scale_and_shift() -> None:
    values = np.array([0.0, 1.0, 2.0, 5.0])
    np.testing.assert_allclose(align(values, 3 * values - 2), 3 * values - 2, atol=1e-12)


def test_true_inverse_depth_of_any_scale_and_shift_is_perfect() -> None:
    depth = np.random.default_rng(0).uniform(1, 10, (8, 8))
    scores = depth_scores(4 / depth + 7, depth)
    assert scores.abs_rel == pytest.approx(0, abs=1e-9)
    assert scores.delta1 == 1


def test_scores_by_hand() -> None:
    depth = np.array([[2.0, 2.0, 4.0, 4.0]])
    # a constant becomes the mean inverse depth, 0.375: 8/3 m everywhere
    scores = depth_scores(np.zeros((1, 4)), depth)
    assert scores.abs_rel == pytest.approx((1 / 3 + 1 / 3) / 2)
    assert scores.delta1 == 0


def test_sky_and_missing_depth_do_not_count() -> None:
    depth = np.array([[2.0, 4.0, 5.0, 60.0, 0.0]])
    prediction = np.array([[1 / 2, 1 / 4, 1 / 5, 30.0, -30.0]])
    assert depth_scores(prediction, depth).abs_rel == pytest.approx(0, abs=1e-9)


def test_mean() -> None:
    assert mean_scores([DepthScores(0.1, 0.5), DepthScores(0.3, 1.0)]) == DepthScores(0.2, 0.75)

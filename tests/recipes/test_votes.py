from __future__ import annotations

import numpy as np
import pytest

from i2vadapt.config.recipes.video import BankSettings
from i2vadapt.inference.scores import Scores
from i2vadapt.recipes.votes import vote

IDS = ("0.mp4", "1.mp4", "2.mp4")
RGB = np.array([[0.6, 0.4], [0.7, 0.3], [0.2, 0.8]], np.float32)
FLOW = np.array([[0.1, 0.9], [0.6, 0.4], [0.0, 1.0]], np.float32)  # contradicts RGB about the first video


def scores(probabilities: np.ndarray, source_probability: float = 1.0) -> Scores:
    labels = np.array([0, 0, 1])
    return Scores(IDS, ("a", "b"), labels, np.ones(3, bool), probabilities, source_probability=source_probability)


def voted(votes: str, has_seen_bank: bool, **settings: str) -> Scores:
    bank = BankSettings.model_validate({"partner": "rgb", "votes": votes, **settings})
    return vote(bank, scores(FLOW), {"rgb": scores(RGB)}, has_seen_bank)


@pytest.mark.parametrize("has_seen_bank", [False, True])
def test_the_paper_adds_both_streams(has_seen_bank: bool) -> None:
    assert voted("fused", has_seen_bank).probabilities == pytest.approx(RGB + FLOW)


def test_rgb_votes_alone_until_the_flow_run_has_seen_the_bank() -> None:
    assert voted("rgb", has_seen_bank=False).probabilities == pytest.approx(RGB)
    assert voted("rgb", has_seen_bank=True).probabilities == pytest.approx(RGB + FLOW)


@pytest.mark.parametrize("has_seen_bank", [False, True])
def test_rgb_may_vote_alone_throughout(has_seen_bank: bool) -> None:
    assert voted("rgb_always", has_seen_bank).probabilities == pytest.approx(RGB)


def test_videos_on_which_the_streams_disagree_stay_out() -> None:
    found = voted("agreement", has_seen_bank=True)
    assert found.ids == IDS[1:]
    assert found.labels.tolist() == [0, 1]
    assert len(found.tested) == 2
    assert found.probabilities == pytest.approx((RGB + FLOW)[1:])


def test_a_stream_that_knows_nothing_of_the_source_has_no_say_once_calibrated() -> None:
    bank = BankSettings(partner="rgb", confidence="calibrated")
    found = vote(bank, scores(FLOW, 0.5), {"rgb": scores(RGB)}, has_seen_bank=False)
    assert found.probabilities == pytest.approx(RGB + 0.5, abs=1e-4)
    assert found.predictions.tolist() == RGB.argmax(1).tolist()


def test_a_run_without_a_partner_votes_alone() -> None:
    assert vote(BankSettings(), scores(FLOW), {}, has_seen_bank=False).probabilities == pytest.approx(FLOW)

"""Selection of pseudo-labels: the asked share, the most confident videos, the classes of confident frames."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from i2vadapt.adaptation.pseudo_labels import select_by_frames, select_by_videos


def random_probabilities(seed: int, *shape: int) -> np.ndarray:
    values = np.random.default_rng(seed).exponential(size=shape).astype(np.float32)
    return values / values.sum(axis=-1, keepdims=True)


@given(st.integers(0, 10**6), st.integers(1, 60), st.floats(0.01, 1))
def test_the_asked_share_of_the_videos_gets_a_label_to_within_one(seed: int, videos: int, keep: float) -> None:
    probabilities = random_probabilities(seed, videos, 7, 4)
    for labels in (select_by_frames(probabilities, keep), select_by_videos(probabilities.mean(axis=1), keep)):
        assert labels.shape == (videos,)
        kept = int((labels >= 0).sum())
        assert kept >= 1
        assert abs(kept - keep * videos) <= 1 or kept == 1


@given(st.integers(0, 10**6), st.floats(0.1, 0.9))
def test_labelled_videos_are_the_most_confident_ones(seed: int, keep: float) -> None:
    probabilities = random_probabilities(seed, 30, 5, 3)
    by_frames = select_by_frames(probabilities, keep) >= 0
    confidence = probabilities.max(axis=(1, 2))
    assert confidence[by_frames].min() > confidence[~by_frames].max(initial=0)
    means = probabilities.mean(axis=1)
    by_videos = select_by_videos(means, keep)
    assert means.max(axis=1)[by_videos >= 0].min() > means.max(axis=1)[by_videos < 0].max(initial=0)
    assert (by_videos[by_videos >= 0] == means.argmax(axis=1)[by_videos >= 0]).all()


def test_the_class_is_that_of_the_confident_frames_alone() -> None:
    """Of the first video one frame is sure of class 1; its many unsure frames prefer class 0."""
    unsure, sure = [0.5, 0.3, 0.2], [0.05, 0.9, 0.05]
    probabilities = np.array([[*[unsure] * 6, sure], [[0.8, 0.1, 0.1]] * 7, [unsure] * 7, [unsure] * 7])
    assert select_by_frames(probabilities, 0.5).tolist() == [1, 0, -1, -1]
    assert select_by_videos(probabilities.mean(axis=1), 0.25).tolist() == [-1, 0, -1, -1]
    assert select_by_frames(probabilities, 1).tolist() == [0, 0, 0, 0]  # every frame counts: unsure ones outweigh one


@pytest.mark.parametrize("keep", [0.001, 1.0])
def test_one_video_is_always_labelled(keep: float) -> None:
    assert (select_by_frames(random_probabilities(0, 1, 3, 2), keep) >= 0).all()

from __future__ import annotations

import io

import numpy as np
import pytest
import torch

from i2vadapt.adaptation.source_features import SourceFeatures
from i2vadapt.errors import UserError

LABELS = [0, 0, 0, 1, 1, 2]


def one_hot(*items: int) -> torch.Tensor:
    return torch.eye(6)[list(items)]


def filled(*items: int) -> SourceFeatures:
    """Holds the item index as a one-hot feature."""
    held = SourceFeatures(LABELS, 6)
    held.store(items, one_hot(*items))
    return held


def frequencies(features: torch.Tensor) -> list[float]:
    return features.mean(dim=0).tolist()


def test_a_photograph_of_the_class_and_one_of_all_others_together_are_drawn() -> None:
    labels = [1] * 20_000
    drawn = filled(0, 1, 3, 4, 5).draw(labels, np.random.default_rng(0))
    assert drawn.complete.all()
    assert frequencies(drawn.same) == pytest.approx([0, 0, 0, 1 / 2, 1 / 2, 0], abs=0.015)
    assert frequencies(drawn.other) == pytest.approx([1 / 3, 1 / 3, 0, 0, 0, 1 / 3], abs=0.015)


def test_each_frame_draws_for_its_own_class() -> None:
    labels = np.array([2, 0, 1, 0, 2])
    drawn = filled(*range(6)).draw(labels, np.random.default_rng(1))
    same, other = (np.array(LABELS)[features.argmax(dim=1)] for features in (drawn.same, drawn.other))
    assert same.tolist() == labels.tolist()
    assert (other != labels).all()


def test_a_frame_is_complete_only_with_both_photographs() -> None:
    assert filled(0, 3).draw([0, 1, 2, -1], np.random.default_rng(2)).complete.tolist() == [True, True, False, False]
    assert filled(0, 1).draw([0, 1], np.random.default_rng(2)).complete.tolist() == [False, False]
    drawn = SourceFeatures(LABELS, 6).draw([0, 1], np.random.default_rng(2))
    assert drawn.complete.tolist() == [False, False]
    assert drawn.same.shape == drawn.other.shape == (2, 6)


def test_the_latest_feature_without_its_gradient_is_held() -> None:
    held = filled(0, 3)
    later = (one_hot(0) * 7).requires_grad_()
    held.store([0], later * 2)
    drawn = held.draw([0], np.random.default_rng(3))
    assert drawn.same.tolist() == [[14, 0, 0, 0, 0, 0]]
    assert not drawn.same.requires_grad
    with torch.no_grad():
        later.zero_()
    assert held.features[0, 0] == 14


def test_as_many_random_numbers_are_drawn_whatever_is_held() -> None:
    following = set()
    for held in (SourceFeatures(LABELS, 6), filled(0), filled(*range(6))):
        rng = np.random.default_rng(4)
        held.draw([0, 2, -1], rng)
        following.add(rng.random())
    assert len(following) == 1


def test_a_restored_state_draws_the_same_photographs() -> None:
    held, restored, file = filled(0, 1, 3, 5), SourceFeatures(LABELS, 6), io.BytesIO()
    torch.save(held.state_dict(), file)
    file.seek(0)
    restored.load_state_dict(torch.load(file, weights_only=True))
    drawn = [one.draw([0, 1, 2] * 9, np.random.default_rng(5)) for one in (held, restored)]
    assert all(torch.equal(first, second) for first, second in zip(*drawn, strict=True))


def test_a_saved_state_does_not_change_with_the_features() -> None:
    held = filled(0)
    state = held.state_dict()
    for _ in range(2):
        held.store([0, 1], one_hot(2, 2))
        assert state["features"][0].tolist() == [1, 0, 0, 0, 0, 0]
        assert state["seen"].tolist() == [True] + [False] * 5
        held.load_state_dict(state)


def test_double_precision_is_kept() -> None:
    held = SourceFeatures(LABELS, 1)
    held.store([0], torch.tensor([[1 / 3]], dtype=torch.float64))
    assert held.state_dict()["features"][0].item() == 1 / 3


def test_a_state_of_another_source_is_refused() -> None:
    with pytest.raises(UserError, match=r"features of the source are \(6, 6\), expected \(6, 7\)"):
        SourceFeatures(LABELS, 7).load_state_dict(filled(0).state_dict())
    with pytest.raises(UserError, match="seen of the source are missing"):
        filled(0).load_state_dict({"features": torch.zeros(6, 6)})

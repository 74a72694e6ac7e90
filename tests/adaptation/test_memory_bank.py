from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from i2vadapt.adaptation.memory_bank import FlowMemoryBank
from i2vadapt.errors import UserError


def scores(*rows: tuple[float, ...]) -> np.ndarray:
    return np.array(rows)


def test_the_most_confident_items_of_each_pseudo_class_are_held() -> None:
    bank = FlowMemoryBank(3, capacity=2)
    bank.rebuild([7, 3, 9, 4], scores((1.2, 0.8, 0), (1.9, 0.1, 0), (1.5, 0.5, 0), (0.9, 1.1, 0)))
    assert bank.items.tolist() == [[3, 9], [4, -1], [-1, -1]]
    assert bank.confidence.tolist() == [[1.9, 1.5], [1.1, 0], [0, 0]]
    assert bank.fill().tolist() == [2, 1, 0]


def test_ties_go_to_the_lower_item_index_in_any_order() -> None:
    bank = FlowMemoryBank(1, capacity=2)
    for items in ([5, 1, 3], [3, 5, 1], [1, 3, 5]):
        bank.rebuild(items, np.ones((3, 1)))
        assert bank.items.tolist() == [[1, 3]]


def test_rebuilding_replaces_all_held_items() -> None:
    bank = FlowMemoryBank(2, 4)
    bank.rebuild([0, 1], scores((1, 0), (0, 1)))
    bank.rebuild([2], scores((0, 1)))
    assert bank.fill().tolist() == [0, 1]


@given(st.integers(1, 5), st.integers(1, 6), st.integers(0, 40), st.integers(0, 2**31))
def test_bank_properties(classes: int, capacity: int, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    items = rng.permutation(count + 10)[:count]
    probabilities = np.round(rng.random((count, classes)), 1)
    bank = FlowMemoryBank(classes, capacity)
    bank.rebuild(items, probabilities)
    pseudo, confidence = probabilities.argmax(1), probabilities.max(1)
    for label in range(classes):
        members = sorted(zip(-confidence[pseudo == label], items[pseudo == label], strict=True))[:capacity]
        fill = bank.fill()[label]
        assert bank.items[label, :fill].tolist() == bank.held(label).tolist() == [item for _, item in members]
        assert bank.confidence[label, :fill].tolist() == [-score for score, _ in members]
    restored = FlowMemoryBank(classes, capacity)
    file = io.BytesIO()
    torch.save(bank.state_dict(), file)
    file.seek(0)
    restored.load_state_dict(torch.load(file, weights_only=True))
    assert np.array_equal(restored.items, bank.items)
    assert np.array_equal(restored.confidence, bank.confidence)


def test_a_saved_state_does_not_change_with_the_bank() -> None:
    bank = FlowMemoryBank(1, 1)
    bank.rebuild([4], [[1.0]])
    state = bank.state_dict()
    bank.items[0, 0] = 9
    assert state["items"].tolist() == [[4]]
    bank.load_state_dict(state)
    bank.items[0, 0] = 9
    assert state["items"].tolist() == [[4]]


def test_purity_counts_known_labels_only() -> None:
    bank = FlowMemoryBank(2, 4)
    assert np.isnan(bank.purity([0, 1]))
    bank.rebuild([0, 1, 2, 3], scores((1, 0), (1, 0), (0, 1), (0, 1)))
    assert bank.purity([0, 1, 1, -1]) == pytest.approx(2 / 3)
    np.testing.assert_array_equal(bank.class_purity([0, 1, 1, -1]), [0.5, 1])
    np.testing.assert_array_equal(bank.class_purity([0, 1, -1, -1]), [0.5, np.nan])


def test_an_entry_takes_sixteen_bytes() -> None:
    bank = FlowMemoryBank(101, 60)
    assert bank.bytes_per_entry == 16 == sum(tensor.nbytes for tensor in bank.state_dict().values()) / (101 * 60)


def test_errors() -> None:
    bank = FlowMemoryBank(2, 4)
    with pytest.raises(UserError, match="not finite"):
        bank.rebuild([0], [[np.nan, 0]])
    for items, probabilities in (([0, 0], np.ones((2, 2))), ([-1], np.ones((1, 2))), ([0], np.ones((1, 3)))):
        with pytest.raises(ValueError, match="items"):
            bank.rebuild(items, probabilities)
    with pytest.raises(ValueError, match=r"labels must lie in 0..1, got -1"):
        bank.held(-1)
    with pytest.raises(UserError, match=r"items is \(2, 4\), expected \(2, 5\)"):
        FlowMemoryBank(2, 5).load_state_dict(bank.state_dict())
    with pytest.raises(UserError, match="must be at least 1"):
        FlowMemoryBank(0, 5)

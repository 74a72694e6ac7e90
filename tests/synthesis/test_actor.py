from __future__ import annotations

import numpy as np

from i2vadapt.synthesis.actor import nearest_layer


def standing(rows: slice, columns: slice, value: float) -> np.ndarray:
    """Ground that comes nearer towards the bottom, and an upright object on it."""
    inverse = np.linspace(0, 1, 60, dtype=np.float32)[:, None].repeat(80, 1) * 0.8
    inverse[rows, columns] = value
    return inverse


def test_what_stands_on_the_ground_is_found_without_the_ground() -> None:
    person = np.s_[10:50], np.s_[30:45]
    found = nearest_layer(standing(*person, 0.8 * 50 / 59))
    expected = np.zeros((60, 80), bool)
    expected[person] = True
    assert (found & expected).sum() > 0.7 * expected.sum()  # its feet are as near as the ground around them
    assert (found & ~expected).sum() == 0


def test_the_nearer_and_larger_of_two_wins() -> None:
    inverse = standing(slice(10, 40), slice(50, 65), 0.9)
    inverse[10:40, 5:12] = 0.7
    found = nearest_layer(inverse)
    assert found[20, 55]
    assert not found[:, :20].any()


def test_nothing_stands_out_of_a_slope_or_a_wall() -> None:
    assert not nearest_layer(np.linspace(0, 1, 60, dtype=np.float32)[:, None].repeat(80, 1)).any()
    assert not nearest_layer(np.full((60, 80), 0.5, np.float32)).any()
    assert not nearest_layer(np.full((1, 1), 0.5, np.float32)).any()

from __future__ import annotations

import numpy as np
import pytest

from i2vadapt.config.parsing import parse
from i2vadapt.config.preprocessing import DecodeSettings
from i2vadapt.data.exposure import brighten, find_gain
from i2vadapt.errors import UserError


def grey(*levels: int) -> list[np.ndarray]:
    return [np.full((8, 12, 3), level, np.uint8) for level in levels]


def test_a_given_gain_looks_at_no_frame() -> None:
    assert find_gain(iter(()), 2.5) == 2.5


@pytest.mark.parametrize(
    ("levels", "gain"),
    [((20, 40), 3.0), ((90,), 1.0), ((200,), 1.0), ((3, 5), 10.0), ((0, 0), 10.0)],
    ids=["dark", "ordinary", "bright-is-not-darkened", "very-dark-is-limited", "black"],
)
def test_automatic_gain(levels: tuple[int, ...], gain: float) -> None:
    assert find_gain(grey(*levels), "auto") == pytest.approx(gain)


def test_brightening_rounds_and_stops_at_white() -> None:
    frame = np.array([[[0, 1, 3], [99, 102, 255]]], np.uint8)
    assert brighten(frame, 2.5).tolist() == [[[0, 3, 8], [248, 255, 255]]]
    assert brighten(frame, 1.0) is frame


@pytest.mark.parametrize("gain", [0, -1, "bright", 1000])
def test_gains_that_make_no_sense_are_refused(gain: object) -> None:
    with pytest.raises(UserError, match=r"decode: gain"):
        parse(DecodeSettings, {"gain": gain}, "decode")

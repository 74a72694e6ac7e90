from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from i2vadapt.clips.sampling import draw_pace, pace_indices, uniform_indices
from i2vadapt.errors import UserError


def test_the_papers_example() -> None:
    counted_from_one = pace_indices(n_frames=30, start=19, rate=2, length=16, looping="modulo") + 1
    assert counted_from_one.tolist() == [20, 22, 24, 26, 28, 30, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20]


def test_restart_goes_back_to_the_first_frame() -> None:
    got = pace_indices(n_frames=30, start=19, rate=2, length=16, looping="restart")
    assert got.tolist() == [19, 21, 23, 25, 27, 29, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18]
    assert pace_indices(3, 1, 5, 4, "restart").tolist() == [1, 0, 0, 0]


@given(st.data(), st.integers(1, 5000), st.integers(1, 9), st.integers(1, 64), st.sampled_from(["modulo", "restart"]))
def test_pace_steps(data: st.DataObject, n_frames: int, rate: int, length: int, looping: str) -> None:
    start = data.draw(st.integers(0, n_frames - 1))
    expected, position = [], start
    for _ in range(length):
        expected.append(position)
        position += rate
        if position >= n_frames:
            position = position % n_frames if looping == "modulo" else 0
    got = pace_indices(n_frames, start, rate, length, looping)  # type: ignore[arg-type]
    assert got.dtype == np.int64
    assert got.tolist() == expected


def test_drawn_paces_cover_all_starts_and_rates() -> None:
    rng = np.random.default_rng(0)
    drawn = {draw_pace(rng, 4, 5) for _ in range(500)}
    assert drawn == {(start, rate) for start in range(4) for rate in range(1, 6)}


@given(st.integers(1, 100_000), st.integers(1, 64))
def test_uniform_indices(n_frames: int, length: int) -> None:
    got = uniform_indices(n_frames, length)
    assert got.shape == (length,)
    assert got.dtype == np.int64
    assert got[0] == 0
    assert got[-1] < n_frames
    steps = np.diff(got)
    assert (steps >= n_frames // length).all()
    assert (steps <= -(-n_frames // length)).all()


def test_uniform_indices_of_short_and_long_videos() -> None:
    assert uniform_indices(2, 4).tolist() == [0, 0, 1, 1]
    assert uniform_indices(200, 32).tolist() == np.linspace(0, 200, 32, endpoint=False).astype(int).tolist()


def test_errors() -> None:
    for arguments in ((0, 0, 1), (5, 5, 1), (5, -1, 1), (5, 0, 0)):
        with pytest.raises(UserError, match="no clip of 16 frames"):
            pace_indices(*arguments)
    with pytest.raises(UserError, match="looping is 'bounce'; allowed"):
        pace_indices(5, 0, 1, looping="bounce")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="32 frames can be sampled from 0"):
        uniform_indices(0, 32)
    with pytest.raises(UserError, match="0 frames"):
        draw_pace(np.random.default_rng(0), 0, 5)

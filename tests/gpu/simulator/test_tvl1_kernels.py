from __future__ import annotations

import cv2
import numpy as np
import pytest
from moving_textures import moving_textures

from i2vadapt.config.preprocessing import Tvl1Settings
from i2vadapt.flow import tvl1
from i2vadapt.flow.backends.cuda import quantised_pairs, tvl1_pairs
from i2vadapt.flow.encoding import quantise_flow
from i2vadapt.flow.fields import DataTerm, State, blank, inner
from i2vadapt.flow.gpu import iterations, output, resampling
from i2vadapt.flow.gpu.fields import DUAL, FLOW, UNIT
from i2vadapt.flow.gpu.median import ACROSS, DOWN, median_kernel
from i2vadapt.flow.sweep import sweep
from i2vadapt.flow.warp import linearise, with_derivatives

FEW = {"n_scales": 2, "n_warps": 1, "outer_iterations": 2, "inner_iterations": 7, "epsilon": 0.05}


def field(seed: int, *shape: int, spread: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, spread, shape).astype(np.float32)


def tables(batch: int, active: list[bool]) -> tuple[np.ndarray, np.ndarray]:
    """Tables of two launches, the first of which left some pairs active; the newest values are in buffer 0."""
    changes = np.zeros((2, batch), np.uint64)
    changes[0] = [int(1e6 / UNIT) if one else 0 for one in active]
    return changes, np.zeros((2, batch), np.uint8)


def bordered(values: np.ndarray) -> np.ndarray:
    result = blank(*values.shape)
    inner(result, *values.shape)[:] = values
    return result


@pytest.mark.slow
def test_the_whole_algorithm_finds_the_flow_of_numba() -> None:
    first, second, _ = moving_textures(2, 20, 21)  # two levels
    settings = Tvl1Settings.model_validate(FEW)
    expected = tvl1(first, second, "numba", **FEW)
    assert np.abs(expected).max() > 0.5
    np.testing.assert_allclose(tvl1_pairs(first, second, settings), expected, atol=2e-3)


@pytest.mark.slow
def test_quantised_flow_has_the_codes_and_the_statistics_of_the_flow() -> None:
    first, second, _ = moving_textures(1, 12, 40)
    settings = Tvl1Settings.model_validate({"n_scales": 1, "n_warps": 1, "outer_iterations": 1, "inner_iterations": 1})
    bound = 0.2  # so that some is clipped
    expected = quantise_flow(tvl1_pairs(first, second, settings), bound)
    found = quantised_pairs(first, second, settings, bound)
    np.testing.assert_array_equal(found.codes, expected.codes)
    assert found.clipped == expected.clipped > 0
    assert found.speeds == pytest.approx(expected.speeds, rel=1e-4)


@pytest.mark.parametrize("count", [1, 5])
def test_iterations_on_several_tiles_are_those_of_the_whole_image(count: int) -> None:
    height, width, theta, rate = iterations.CORE_HEIGHT + 5, iterations.CORE_WIDTH + 7, 0.3, 0.8
    flow, dual = np.zeros((2, 2, 1, height, width), np.float32), np.zeros((2, 4, 1, height, width), np.float32)
    flow[0], dual[0] = field(0, 2, 1, height, width), field(1, 4, 1, height, width, spread=0.2)
    # What fields hold at the edges: no difference across them.
    dual[0, 0::2, :, :, -1], dual[0, 1::2, :, -1] = 0, 0
    data = field(2, 4, 1, height, width)
    data[3] = np.abs(data[3])
    changes, places = tables(1, [True])
    state = State(*(bordered(part[0]) for part in (*flow[0], *dual[0])))
    change = sweep(
        DataTerm(*(bordered(part[0]) for part in data)),
        state,
        np.pad(np.ones(width, np.float32), (1, state.u.shape[1] - width - 1)),
        height,
        width,
        np.float32(theta),
        np.float32(rate),
        count,
    )
    fields = (part.reshape(-1) for part in (flow, dual, data))
    launch = (changes, places, 1, False, 1.0, height, width, np.float32(theta), np.float32(rate), count)
    iterations.iterate[2, (iterations.ACROSS, iterations.DOWN)](*fields, *launch)
    for ours, expected in zip((*flow[1], *dual[1]), state, strict=True):
        np.testing.assert_allclose(ours[0], inner(expected, height, width), atol=2e-4)
    assert changes[1, 0] * UNIT == pytest.approx(change, rel=1e-4)
    assert places[1, 0] == FLOW | DUAL


def test_a_pair_that_has_converged_is_left_alone() -> None:
    height, width = 7, 9
    flow, dual = field(0, 2, 2, 2, height, width), field(1, 2, 4, 2, height, width)
    before = flow.copy(), dual.copy()
    changes, places = tables(2, [False, True])
    fields = (part.reshape(-1) for part in (flow, dual, field(2, 4, 2, height, width)))
    launch = (changes, places, 1, False, 1.0, height, width, np.float32(0.3), np.float32(0.8), 2)
    iterations.iterate[1, (iterations.ACROSS, iterations.DOWN)](*fields, *launch)
    np.testing.assert_array_equal(flow[:, :, 0], before[0][:, :, 0])
    np.testing.assert_array_equal(dual[:, :, 0], before[1][:, :, 0])
    assert (flow[1, :, 1] != before[0][1, :, 1]).any()
    np.testing.assert_array_equal(places[1], [0, FLOW | DUAL])
    assert changes[1, 0] == 0 < changes[1, 1]


@pytest.mark.parametrize("size", [3, 5])
def test_the_median_is_that_of_opencv(size: int) -> None:
    height, width = DOWN + 3, ACROSS + 5
    flow = np.zeros((2, 2, 2, height, width), np.float32)
    flow[0] = field(3, 2, 2, height, width)
    flow[0, 0, 0, :4] = 1.0  # equal values
    changes, places = tables(2, [True, False])
    median_kernel(size)[(2, 2, 4), (ACROSS, DOWN)](flow, changes, places, 1, False, 1.0)
    for part in range(2):
        np.testing.assert_array_equal(flow[1, part, 0], cv2.medianBlur(flow[0, part, 0], size))
    assert not flow[1, :, 1].any()
    np.testing.assert_array_equal(places[1], [FLOW, 0])
    np.testing.assert_array_equal(changes[1], changes[0])


def test_the_data_term_is_that_of_numba_also_beyond_the_edges() -> None:
    height, width = 11, 14
    images = field(4, 2, 1, height, width, spread=40)
    flow = np.zeros((2, 2, 1, height, width), np.float32)
    flow[1] = field(5, 2, 1, height, width, spread=6)
    derivatives, data = np.zeros_like(images), np.zeros((4, 1, height, width), np.float32)
    grid = (-(-width // output.LINE), height, 1)
    resampling.differentiate[grid, output.LINE](images, derivatives)
    places = np.array([FLOW], np.uint8)
    resampling.linearise[grid, output.LINE](images, derivatives, flow, places, np.float32(0.05), data)
    expected = DataTerm(*(blank(height, width) for _ in DataTerm._fields))
    state = State(*(bordered(part[0]) for part in flow[1]), *(blank(height, width) for _ in range(4)))
    linearise(images[0, 0], with_derivatives(images[1, 0]), state, np.float32(0.05), expected)
    for ours, other in zip(data, expected, strict=True):
        np.testing.assert_allclose(ours[0], inner(other, height, width), rtol=1e-4, atol=1e-4)


def test_levels_are_resampled_as_by_opencv() -> None:
    fine = field(6, 2, 1, 23, 30)
    coarse = np.zeros((2, 1, 18, 24), np.float32)
    resampling.shrink[(1, 18, 1), output.LINE](fine, coarse, 0.8)
    for ours, image in zip(coarse[:, 0], fine[:, 0], strict=True):
        expected = cv2.resize(image, None, fx=0.8, fy=0.8, interpolation=cv2.INTER_LINEAR)
        np.testing.assert_allclose(ours, expected, atol=1e-5)
    flow, dual = np.zeros((2, 2, 1, 23, 30), np.float32), np.ones((2, 4, 1, 23, 30), np.float32)
    coarser, old, new = np.stack([coarse * 0, coarse]), np.array([FLOW], np.uint8), np.array([9], np.uint8)
    resampling.start_level[(1, 23, 1), output.LINE](coarser, old, flow, dual, new, np.float32(1.25), False)
    for part in range(2):
        expected = cv2.resize(coarse[part, 0], (30, 23), interpolation=cv2.INTER_LINEAR) * np.float32(1.25)
        np.testing.assert_allclose(flow[0, part, 0], expected, atol=1e-5)
    assert not dual[0].any()
    assert new[0] == 0

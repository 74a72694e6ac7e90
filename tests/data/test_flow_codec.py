from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from i2vadapt.data.flow_codec import decode_codes, dequantise, encode_flow, flip_codes, quantise
from i2vadapt.errors import UserError

FLOWS = arrays(np.float32, (3, 4, 2), elements=st.floats(-40, 40, width=32))


@given(FLOWS, st.floats(0.5, 100))
def test_codes_are_odd_and_within_half_a_step(flow: np.ndarray, bound: float) -> None:
    codes, clipped = quantise(flow, bound)
    assert codes.min() >= 1
    mirrored, _ = quantise(-flow, bound)
    np.testing.assert_array_equal(mirrored.astype(int) - 128, 128 - codes.astype(int))
    back = dequantise(codes, bound)
    assert np.abs(back - np.clip(flow, -bound, bound)).max() <= bound / 254 * 1.001
    assert clipped == pytest.approx(np.mean(np.abs(flow) > bound))


def test_no_motion_is_128_and_the_bounds_are_1_and_255() -> None:
    codes, clipped = quantise(np.array([[0.0, -0.0], [20, -20], [99, -99]]), 20)
    np.testing.assert_array_equal(codes, [[128, 128], [255, 1], [255, 1]])
    assert clipped == pytest.approx(1 / 3)
    np.testing.assert_array_equal(dequantise(codes, 20), np.array([[0, 0], [20, -20], [20, -20]], np.float32))
    assert dequantise(np.zeros(1, np.uint8), 20) == -20


def smooth_flow(height: int, width: int) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 60, (height, width, 2)).astype(np.float32)
    return cv2.GaussianBlur(noise, (0, 0), 6)


@pytest.mark.parametrize("size", [(112, 150), (33, 17), (8, 8), (1, 1)])
def test_stored_field_comes_back(size: tuple[int, int]) -> None:
    flow = smooth_flow(*size)
    back = dequantise(decode_codes(encode_flow(flow, 20, 95), size[0]))
    assert back.shape == (*size, 2)
    assert back.dtype == np.float32
    assert np.abs(back - np.clip(flow, -20, 20)).max() < 1.0
    assert np.abs(back - np.clip(flow, -20, 20)).mean() < 0.15


@pytest.mark.parametrize("size", [(112, 150), (5, 3)])
@pytest.mark.parametrize("quality", [50, 95])
def test_no_motion_stays_exactly_zero(size: tuple[int, int], quality: int) -> None:
    still = np.zeros((*size, 2), np.float32)
    np.testing.assert_array_equal(dequantise(decode_codes(encode_flow(still, 20, quality), size[0])), still)


def test_u_does_not_bleed_into_v() -> None:
    flow = np.zeros((30, 24, 2), np.float32)
    flow[..., 0] = smooth_flow(30, 24)[..., 0] * 5 + np.random.default_rng(0).uniform(-10, 10, (30, 24))
    back = dequantise(decode_codes(encode_flow(flow, 20, 75), 30))
    np.testing.assert_array_equal(back[..., 1], 0)
    assert np.abs(back[..., 0]).max() > 1


def test_damaged_data_is_refused() -> None:
    data = encode_flow(np.zeros((16, 16, 2)), 20, 95)
    for bad, height in ((b"", 16), (b"nonsense", 16), (data, 17)):
        with pytest.raises(ValueError, match="flow data"):
            decode_codes(bad, height)


@pytest.mark.parametrize("bound", [0.0, -1.0, float("nan"), float("inf")])
def test_impossible_bound_is_refused(bound: float) -> None:
    with pytest.raises(UserError, match="bound"):
        quantise(np.zeros((2, 2, 2)), bound)


def test_impossible_fields_are_refused() -> None:
    with pytest.raises(UserError, match="finite"):
        quantise(np.array([[np.nan, 0]]))
    with pytest.raises(UserError, match="shape"):
        encode_flow(np.zeros((4, 4, 3)))


def test_flip_mirrors_and_negates_u_only() -> None:
    codes = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 2), np.uint8)
    codes[0, 0, 0] = (0, 0)  # JPEG may turn a code of 1 into 0
    flow, flipped = dequantise(codes, 20.0), dequantise(flip_codes(codes), 20.0)
    np.testing.assert_array_equal(flipped, flow[:, :, ::-1] * np.array([-1, 1], np.float32))

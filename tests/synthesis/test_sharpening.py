from __future__ import annotations

import cv2
import numpy as np

from i2vadapt.synthesis.sharpening import sharpen_edges


def test_a_soft_edge_becomes_a_step_a_pixel_outwards() -> None:
    sharp = np.full((20, 40), 0.2, np.float32)
    sharp[:, 20:] = 0.8
    soft = cv2.GaussianBlur(sharp, (0, 0), 1)
    assert len(np.unique(soft.round(2))) > 5
    result = sharpen_edges(soft)
    assert not ((result > 0.25) & (result < 0.75)).any()
    edge = np.argmax(result > 0.5, axis=1)
    np.testing.assert_array_equal(edge, 19)  # of 20: the near side is a pixel larger
    np.testing.assert_allclose(result[:, :17], 0.2, atol=0.01)
    np.testing.assert_allclose(result[:, 23:], 0.8, atol=0.01)


def test_slopes_and_flat_parts_stay() -> None:
    slope = np.linspace(0, 1, 50, dtype=np.float32)[:, None].repeat(30, 1)
    np.testing.assert_array_equal(sharpen_edges(slope), slope)


def test_no_new_values() -> None:
    noise = np.random.default_rng(0).random((15, 17)).astype(np.float32)
    assert set(np.unique(sharpen_edges(noise))) <= set(np.unique(noise))

from __future__ import annotations

import numpy as np
import pytest

from i2vadapt.errors import UserError
from i2vadapt.synthesis import intrinsics, inverse_depth_to_depth


def test_intrinsics_scale_with_each_side_and_centre_at_half_the_size() -> None:
    K = intrinsics(100, 200, 0.58)
    np.testing.assert_allclose(K, [[116, 0, 100], [0, 58, 50], [0, 0, 1]])
    # Pixel centres are at integers: the point straight ahead is seen at pixel (100, 50), not at a corner between
    # pixels.
    ahead = K @ [0, 0, 3]
    np.testing.assert_allclose(ahead[:2] / ahead[2], [100, 50])


def test_depth_formula_and_clipping() -> None:
    depth = inverse_depth_to_depth(np.array([0.0, 0.005, 0.5, 1.0], np.float32))
    np.testing.assert_allclose(depth, [100, 100, 1 / 0.505, 1 / 1.005], rtol=1e-5)
    assert depth.dtype == np.float32


def test_sixteen_bits_are_read_as_unit_range() -> None:
    codes = np.array([[0, 32768, 65535]], np.uint16)
    expected = inverse_depth_to_depth(codes.astype(np.float64) / 65535)
    np.testing.assert_array_equal(inverse_depth_to_depth(codes), expected)


@pytest.mark.parametrize("bad", [np.array([1.5]), np.array([-0.1]), np.array([np.nan]), np.array([3], np.int64)])
def test_inverse_depth_outside_its_range_is_refused(bad: np.ndarray) -> None:
    with pytest.raises(UserError, match="inverse depth"):
        inverse_depth_to_depth(bad)


def test_impossible_camera_is_refused() -> None:
    with pytest.raises(UserError, match="focal"):
        intrinsics(10, 10, float("nan"))

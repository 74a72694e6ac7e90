from __future__ import annotations

import numpy as np
import pytest

from i2vadapt.synthesis import intrinsics
from i2vadapt.synthesis.filling import fill_holes, mirror_holes
from i2vadapt.synthesis.geometry import Geometry, Motion, Visible, fill_geometry, follow, see

NEAR, FAR = 1.0, 0.125  # 1/z


def ramp(height: int, width: int) -> np.ndarray:
    """Each column has its own grey, 10 more than the one to its left."""
    return np.broadcast_to((10 * np.arange(width, dtype=np.uint8))[None, :, None], (height, width, 3)).copy()


def test_a_gap_beside_an_object_is_filled_from_the_background_alone() -> None:
    inverse = np.full((12, 20), FAR, np.float32)
    inverse[:, 12:] = NEAR
    inverse[:, 8:12] = 0
    image = ramp(12, 20)
    filled = mirror_holes(image, inverse)
    np.testing.assert_array_equal(filled[:, 8:12], image[:, [7, 6, 5, 4]])  # mirrored at the last column of background
    np.testing.assert_array_equal(filled[inverse > 0], image[inverse > 0])
    geometry = fill_geometry(Visible(inverse, inverse > 0.5))
    assert geometry is not None
    assert geometry.actor is not None
    np.testing.assert_allclose(geometry.depth[:, :12], 1 / FAR)
    np.testing.assert_allclose(geometry.depth[:, 12:], 1 / NEAR)
    np.testing.assert_array_equal(geometry.actor[0], np.arange(20) >= 12)


def test_the_mirror_turns_back_where_the_background_ends() -> None:
    inverse = np.full((12, 20), FAR, np.float32)
    inverse[:, 12:], inverse[:, :6] = NEAR, NEAR
    inverse[:, 8:12] = 0
    image = ramp(12, 20)
    filled = mirror_holes(image, inverse)
    # Only columns 6 and 7 are background: 7, 6, then back.
    np.testing.assert_array_equal(filled[:, 8:12], image[:, [7, 6, 7, 6]])


def test_borders_and_corners_are_mirrored_inwards() -> None:
    inverse = np.zeros((12, 20), np.float32)
    inverse[3:, 5:] = FAR
    image = np.random.default_rng(0).integers(0, 256, (12, 20, 3), np.uint8)
    filled = mirror_holes(image, inverse)
    np.testing.assert_array_equal(filled[3:, :5], image[3:, 9:4:-1])
    np.testing.assert_array_equal(filled[:3, 5:], image[5:2:-1, 5:])
    np.testing.assert_array_equal(filled[2, 4], image[3, 5])
    # No streaks: what was filled is as rich as what was there.
    assert len(np.unique(filled[:3, :5].reshape(-1, 3), axis=0)) >= 12


def test_the_border_is_mirrored_whatever_is_near_there() -> None:
    inverse = np.full((8, 30), FAR, np.float32)
    inverse[:, 10:] = NEAR
    inverse[:, :6] = 0
    image = ramp(8, 30)
    np.testing.assert_array_equal(mirror_holes(image, inverse)[:, :6], image[:, 11:5:-1])


def test_what_fills_is_softened_and_what_is_seen_is_not() -> None:
    inverse = np.full((40, 60), FAR, np.float32)
    inverse[:, :20] = 0
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    filled, mirrored = fill_holes(image, inverse), mirror_holes(image, inverse)
    np.testing.assert_array_equal(filled[:, 20:], image[:, 20:])
    assert filled[:, :14].std() < 0.3 * mirrored[:, :14].std()
    assert filled[:, 19].std() > 0.6 * mirrored[:, 19].std()
    assert abs(filled[:, :20].mean() - mirrored[:, :20].mean()) < 2
    flat = np.full_like(image, 90)
    np.testing.assert_array_equal(fill_holes(flat, inverse), flat)


def test_a_corner_is_not_filled_from_the_other_end_of_its_column() -> None:
    inverse = np.full((40, 40), FAR, np.float32)
    inverse[36:], inverse[4:, 36:] = 0, 0  # column 38 is in view at its top alone
    image = np.zeros((40, 40, 3), np.uint8)
    image[20:] = 200
    assert (mirror_holes(image, inverse)[36:, 36:] == 200).all()


def test_a_view_of_nothing_stays_and_gets_the_largest_depth() -> None:
    void = np.zeros((6, 8), np.float32)
    image = ramp(6, 8)
    np.testing.assert_array_equal(mirror_holes(image, void), image)
    away = np.eye(4)
    away[2, 3] = -200
    depth = np.linspace(1, 50, 48, dtype=np.float32).reshape(6, 8)
    (seen,) = follow(Geometry(depth), [Motion(away)], intrinsics(6, 8), chained=True)
    assert not seen.visible.inverse.any()
    assert (seen.geometry.depth == 50).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1)])
def test_images_of_one_row_or_pixel(size: tuple[int, int]) -> None:
    pose = np.eye(4)
    pose[:2, 3] = 0.3
    visible = see(Geometry(np.ones(size, np.float32)), Motion(pose), intrinsics(*size))
    filled = mirror_holes(np.full((*size, 3), 7, np.uint8), visible.inverse)
    assert filled.shape == (*size, 3)


def test_disoccluded_depth_is_background() -> None:
    depth = np.full((20, 40), 8.0, np.float32)
    depth[:, 10:20] = 1.0
    camera = intrinsics(20, 40)
    pose = np.eye(4)
    pose[0, 3] = 5 / camera[0, 0]
    visible = see(Geometry(depth), Motion(pose), camera)
    assert not visible.inverse[:, 11:14].any()
    filled = fill_geometry(visible)
    assert filled is not None
    np.testing.assert_allclose(filled.depth[:, 11:14], 8.0, rtol=1e-5)
    np.testing.assert_allclose(filled.depth[:, 16:24], 1.0, rtol=1e-5)

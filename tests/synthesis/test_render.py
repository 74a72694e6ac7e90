from __future__ import annotations

import numpy as np
import pytest

from i2vadapt.errors import UserError
from i2vadapt.synthesis import intrinsics, random_walk, render_view
from i2vadapt.synthesis.filling import fill_holes
from i2vadapt.synthesis.geometry import Geometry, Motion, Visible, fill_geometry, see
from i2vadapt.synthesis.sampling import spline_coefficients

NORMAL = np.array([0.3, -0.2, 1.0]) / np.linalg.norm([0.3, -0.2, 1.0])
DISTANCE = 1.5


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def shift(x: float = 0, y: float = 0, z: float = 0) -> np.ndarray:
    pose = np.eye(4)
    pose[:3, 3] = x, y, z
    return pose


def texture(places: np.ndarray) -> np.ndarray:
    """A picture that is known at every position, not only at pixels; wavelengths of 5 to 20 pixels."""
    rng = np.random.default_rng(5)
    out = np.zeros((*places.shape[:-1], 3))
    for channel in range(3):
        for _ in range(20):
            angle, length, phase = rng.uniform(0, 2 * np.pi), rng.uniform(5, 20), rng.uniform(0, 6)
            out[..., channel] += np.sin(
                places @ (2 * np.pi / length * np.array([np.cos(angle), np.sin(angle)])) + phase
            )
    return np.clip(128 + out * 15, 0, 255)


def with_depth(
    image: np.ndarray, depth: np.ndarray, pose: np.ndarray, camera: np.ndarray
) -> tuple[np.ndarray, Visible, np.ndarray]:
    """A view, what is visible in it, and its depth with holes filled."""
    visible = see(Geometry(depth.astype(np.float32)), Motion(pose), camera)
    filled = fill_geometry(visible)
    assert filled is not None
    return render_view(image, depth, pose, camera)[0], visible, filled.depth


def homogeneous(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width].astype(float)
    return np.stack([x, y, np.ones_like(x)], axis=-1)


@pytest.mark.parametrize("size", [(40, 60), (1, 1), (1, 7), (7, 1), (2, 2)])
def test_no_motion_changes_nothing(size: tuple[int, int]) -> None:
    image = noise(*size)
    depth = np.random.default_rng(1).uniform(1, 100, size).astype(np.float32)
    view, visible, carried = with_depth(image, depth, np.eye(4), intrinsics(*size))
    np.testing.assert_array_equal(view, image)
    assert visible.inverse.all()
    np.testing.assert_allclose(carried, depth, rtol=1e-5)


def test_moving_the_scene_right_moves_pixels_right_and_leaves_a_hole_on_the_left() -> None:
    image = noise(30, 50)
    K = intrinsics(30, 50)
    depth = np.full((30, 50), 2.0)
    view, mask = render_view(image, depth, shift(x=3 * 2.0 / K[0, 0]), K)  # X' = X + t, by 3 pixels at depth 2
    np.testing.assert_array_equal(view[:, 3:], image[:, :-3])
    assert mask[:, 3:].all()
    assert not mask[:, :3].any()
    down, _ = render_view(image, depth, shift(y=2 * 2.0 / K[1, 1]), K)
    np.testing.assert_array_equal(down[2:], image[:-2])


@pytest.mark.parametrize("seed", range(4))
def test_slanted_plane_agrees_with_its_homography(seed: int) -> None:
    size = 128
    K = intrinsics(size, size)
    pixels = homogeneous(size, size)
    depth = DISTANCE / (pixels @ np.linalg.inv(K).T @ NORMAL)
    pose = random_walk(np.random.default_rng(seed), 1)[0]
    R, t = pose[:3, :3], pose[:3, 3]
    homography = K @ (R + np.outer(t, NORMAL) / DISTANCE) @ np.linalg.inv(K)
    origin = pixels @ np.linalg.inv(homography).T
    origin = origin[..., :2] / origin[..., 2:]
    inside = ((origin >= 0) & (origin <= size - 1)).all(axis=-1)

    view, visible, carried = with_depth(texture(pixels[..., :2]).round().astype(np.uint8), depth, pose, K)
    mask = visible.inverse > 0
    error = view.astype(float) - texture(origin)
    assert mask[inside].all()
    assert 10 * np.log10(255**2 / np.mean(error[inside] ** 2)) > 45
    rays = pixels @ np.linalg.inv(K).T
    expected = (DISTANCE + R @ NORMAL @ t) / (rays @ (R @ NORMAL))
    np.testing.assert_allclose(carried[inside], expected[inside], rtol=2e-3)
    # Outside, the hole may begin up to half a pixel later, never a pixel.
    assert not mask[((origin < -1) | (origin > size)).any(axis=-1)].any()


def test_nearest_point_wins_in_any_order() -> None:
    image = np.zeros((1, 9, 3), np.uint8)
    image[0, :, 0] = np.arange(9) * 20
    K = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]])
    # x' = x + t/z: with t = 12 the pixels 0, 2 and 3 of depths 2, 3 and 4 all land at 6.
    depth = np.full((1, 9), 1e6)
    depth[0, [0, 2, 3]] = 2, 3, 4
    view, visible, carried = with_depth(image, depth, shift(x=12), K)
    mask = visible.inverse > 0
    assert mask[0, 6]
    assert carried[0, 6] == pytest.approx(2)
    assert view[0, 6, 0] == image[0, 0, 0]
    assert not mask[0, [0, 2, 3]].any()


def test_background_does_not_shine_through_a_magnified_object() -> None:
    size = 120
    K = intrinsics(size, size)
    depth = np.full((size, size), 10.0)
    depth[30:90, 30:90] = 1.0
    image = np.zeros((size, size, 3), np.uint8)
    image[30:90, 30:90] = 200
    view, mask = render_view(image, depth, shift(z=-0.4), K)  # 1.67 times larger
    assert mask[12:108, 12:108].all()
    assert (view[14:106, 14:106] >= 190).all()


def test_object_neither_grows_nor_shrinks_over_a_chain() -> None:
    size = 96
    K = intrinsics(size, size)
    depth = np.full((size, size), 50.0)
    depth[30:66, 30:66] = 1.0
    image = np.full((size, size, 3), 40, np.uint8)
    image[30:66, 30:66] = 220
    rng = np.random.default_rng(3)
    steps = rng.uniform(-0.02, 0.02, (8, 2))
    for x, y in np.concatenate([steps, -steps]):
        image, visible, depth = with_depth(image, depth, shift(x, y), K)
        image = fill_holes(image, visible.inverse)
    side = np.sqrt((depth < 5).sum())
    assert 34 <= side <= 38


def test_points_behind_the_camera_are_dropped() -> None:
    view, mask = render_view(noise(10, 10), np.ones((10, 10)), shift(z=-2), intrinsics(10, 10))
    assert not mask.any()
    assert not view.any()


def test_spline_goes_through_the_pixels() -> None:
    image = noise(9, 13)
    padded = spline_coefficients(image).astype(float)[:-1, :-1, :3]
    rows = (padded[:-2] + 4 * padded[1:-1] + padded[2:]) / 6
    np.testing.assert_allclose((rows[:, :-2] + 4 * rows[:, 1:-1] + rows[:, 2:]) / 6, image, atol=1e-2)


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        ("image", np.zeros((8, 8), np.uint8), "image"),
        ("image", np.zeros((8, 8, 3), np.float32), "image"),
        ("image", np.zeros((0, 8, 3), np.uint8), "image"),
        ("depth", np.ones((8, 9)), "depth"),
        ("depth", np.full((8, 8), np.nan), "depth"),
        ("depth", np.zeros((8, 8)), "depth"),
        ("depth", np.full((8, 8), 1e-60), "depth"),
        ("depth", np.full((8, 8), np.inf), "depth"),
        ("pose", np.eye(3), "pose"),
        ("pose", np.diag([2.0, 2, 2, 1]), "rotation"),
        ("camera", np.zeros((3, 3)), "camera"),
        ("camera", np.diag([0.0, 1, 1]), "invertible"),
    ],
)
def test_impossible_arguments_are_refused(argument: str, value: np.ndarray, message: str) -> None:
    arguments = {"image": noise(8, 8), "depth": np.ones((8, 8)), "pose": np.eye(4), "camera": intrinsics(8, 8)}
    with pytest.raises(UserError, match=message):
        render_view(**(arguments | {argument: value}))

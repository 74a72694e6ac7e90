from __future__ import annotations

import cv2
import numpy as np
import pytest

from i2vadapt.errors import UserError
from i2vadapt.synthesis import random_walk, smooth_path
from i2vadapt.synthesis.trajectory import compose, relative_to_camera


@pytest.mark.parametrize("rotation", ["axis_angle", "euler"])
def test_poses_are_rigid_and_repeat_with_the_seed(rotation: str) -> None:
    poses = random_walk(np.random.default_rng(5), 20, rotation=rotation)
    assert poses.shape == (20, 4, 4)
    turns = poses[:, :3, :3]
    np.testing.assert_allclose(turns @ turns.transpose(0, 2, 1), np.broadcast_to(np.eye(3), (20, 3, 3)), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(turns), 1)
    np.testing.assert_array_equal(poses[:, 3], np.tile([0, 0, 0, 1], (20, 1)))
    np.testing.assert_array_equal(poses, random_walk(np.random.default_rng(5), 20, rotation=rotation))
    assert not np.array_equal(poses, random_walk(np.random.default_rng(6), 20, rotation=rotation))


def test_magnitudes_lie_in_the_ranges_with_both_signs_on_every_axis() -> None:
    poses = random_walk(np.random.default_rng(0), 200, (0.01, 0.02), (1.0, 2.0), rotation="axis_angle")
    shifts = poses[:, :3, 3]
    angles = np.rad2deg([cv2.Rodrigues(pose[:3, :3])[0][:, 0] for pose in poses])
    for values, low, high in ((shifts, 0.01, 0.02), (angles, 1.0, 2.0)):
        assert (np.abs(values) >= low - 1e-9).all()
        assert (np.abs(values) <= high + 1e-9).all()
        assert (np.abs((values > 0).mean(axis=0) - 0.5) < 0.15).all()


def test_euler_turns_about_x_then_y_then_z() -> None:
    right_angles = random_walk(np.random.default_rng(1), 1, (0, 0), (90, 90), rotation="euler")[0, :3, :3]
    signs = np.random.default_rng(1)
    signs.choice((-1.0, 1.0), size=3), signs.uniform(size=3)  # the translation's draws come first
    sx, sy, sz = signs.choice((-1.0, 1.0), size=3)
    about_x = np.array([[1, 0, 0], [0, 0, -sx], [0, sx, 0]])
    about_y = np.array([[0, 0, sy], [0, 1, 0], [-sy, 0, 0]])
    about_z = np.array([[0, -sz, 0], [sz, 0, 0], [0, 0, 1]])
    np.testing.assert_allclose(right_angles, about_z @ about_y @ about_x, atol=1e-12)


def test_readings_differ_little_at_small_angles() -> None:
    a, b = (random_walk(np.random.default_rng(2), 50, rotation=name) for name in ("axis_angle", "euler"))
    between = [np.rad2deg(np.linalg.norm(cv2.Rodrigues(p[:3, :3].T @ q[:3, :3])[0])) for p, q in zip(a, b, strict=True)]
    assert 0.001 < max(between) < 0.1


@pytest.mark.parametrize("bounds", [(2.0, 1.0), (-1.0, 1.0), (0.0, float("nan"))])
def test_impossible_range_is_refused(bounds: tuple[float, float]) -> None:
    with pytest.raises(UserError, match="translation"):
        random_walk(np.random.default_rng(0), 2, bounds)


def test_unknown_reading_is_refused() -> None:
    with pytest.raises(UserError, match="quaternion"):
        random_walk(np.random.default_rng(0), 2, rotation="quaternion")


def components(poses: np.ndarray) -> np.ndarray:
    """Translations and rotation vectors (T,6) of poses."""
    return np.array([[*pose[:3, 3], *cv2.Rodrigues(pose[:3, :3])[0][:, 0]] for pose in poses])


def test_a_smooth_path_covers_the_walks_range_without_its_jitter() -> None:
    for seed in range(5):
        walk = random_walk(np.random.default_rng(seed), 16, (0.01, 0.02), (0.01, 0.02))
        smooth = smooth_path(np.random.default_rng(seed), 16, (0.01, 0.02), (0.01, 0.02))
        np.testing.assert_allclose(smooth @ np.linalg.inv(smooth), np.tile(np.eye(4), (16, 1, 1)), atol=1e-12)
        path, jitter = (components(compose(steps)) for steps in (smooth, walk))
        # Such small angles add up like numbers.
        np.testing.assert_allclose(np.ptp(path, axis=0), np.ptp(jitter, axis=0), rtol=1e-2)
        np.testing.assert_allclose(path.min(axis=0), -path.max(axis=0), rtol=1e-6)  # about the photograph
        turns = np.diff(np.sign(np.diff(path, axis=0)), axis=0) != 0
        assert turns.sum(axis=0).max() <= 4
        assert np.abs(np.diff(path, 2, axis=0)).max() < 0.4 * np.abs(np.diff(jitter, 2, axis=0)).max()


def test_a_smooth_path_without_motion_stands_still() -> None:
    steps = smooth_path(np.random.default_rng(0), 4, (0, 0), (0, 0))
    np.testing.assert_allclose(steps, np.tile(np.eye(4), (4, 1, 1)), atol=1e-15)


def test_own_motion_is_about_the_centre_and_on_top_of_the_cameras() -> None:
    rng = np.random.default_rng(4)
    camera, own = random_walk(rng, 5), random_walk(rng, 5, (0, 0), (3, 5))
    centre = np.array([0.2, -0.1, 2.0])
    seen = compose(relative_to_camera(camera, own, centre))
    alone = compose(camera)
    point = np.array([*centre, 1])
    beside = point + np.array([0.3, 0, 0, 0])
    np.testing.assert_allclose(seen @ point, alone @ point, atol=1e-12)  # it turns about its centre
    assert (np.linalg.norm((seen - alone) @ beside, axis=1) > 0.003).all()
    still = np.tile(np.eye(4), (5, 1, 1))
    np.testing.assert_allclose(relative_to_camera(camera, still, centre), camera, atol=1e-12)

from __future__ import annotations

import numpy as np
import pytest

from i2vadapt.synthesis import intrinsics, random_walk
from i2vadapt.synthesis.geometry import Geometry, Motion, follow, motion_field, see

SIZE = (60, 80)
CAMERA = intrinsics(*SIZE)


def shift(x: float = 0, y: float = 0, z: float = 0) -> np.ndarray:
    pose = np.eye(4)
    pose[:3, 3] = x, y, z
    return pose


def test_flow_of_a_shift_is_the_focal_length_over_depth() -> None:
    depth = np.full(SIZE, 4.0, np.float32)
    depth[20:40, 30:50] = 2.0
    flow = motion_field(Geometry(depth), Motion(shift(x=0.1, y=-0.2)), CAMERA)
    np.testing.assert_allclose(flow[0, 0], [0.1 * CAMERA[0, 0] / 4, -0.2 * CAMERA[1, 1] / 4], rtol=1e-5)
    np.testing.assert_allclose(flow[30, 40], [0.1 * CAMERA[0, 0] / 2, -0.2 * CAMERA[1, 1] / 2], rtol=1e-5)


def test_the_actor_moves_by_its_own_pose_and_hides_what_is_behind() -> None:
    depth = np.full(SIZE, 4.0, np.float32)
    depth[20:40, 30:50] = 2.0
    geometry = Geometry(depth, depth < 3)
    step = Motion(np.eye(4), shift(x=4 * 2.0 / CAMERA[0, 0]))  # the actor alone, by four pixels
    visible = see(geometry, step, CAMERA)
    assert visible.actor is not None
    expected = np.zeros(SIZE, bool)
    expected[20:40, 34:54] = True
    np.testing.assert_array_equal(visible.actor, expected)
    holes = np.zeros(SIZE, bool)
    holes[20:40, 30:34] = True
    np.testing.assert_array_equal(visible.inverse == 0, holes)
    flow = motion_field(geometry, step, CAMERA)
    np.testing.assert_allclose(flow[geometry.actor], np.tile([4, 0], (400, 1)), atol=1e-4)
    np.testing.assert_allclose(flow[~geometry.actor], 0, atol=1e-4)


def test_flow_behind_the_camera_is_zero_and_finite_everywhere() -> None:
    depth = np.full(SIZE, 1.0, np.float32)
    depth[:, 40:] = 3.0
    flow = motion_field(Geometry(depth), Motion(shift(x=1, z=-2)), CAMERA)
    assert (flow[:, :40] == 0).all()
    assert np.isfinite(flow).all()
    assert (flow[:, 40:] != 0).any(axis=-1).all()


@pytest.mark.parametrize("chained", [True, False])
def test_both_renderings_lead_to_the_same_geometry(chained: bool) -> None:
    start = Geometry(np.linspace(2, 5, 80, dtype=np.float32)[None].repeat(60, 0))
    steps = [Motion(pose) for pose in random_walk(np.random.default_rng(0), 6)]
    *_, last = follow(start, steps, CAMERA, chained)
    poses = np.eye(4)
    for step in steps:
        poses = step.scene @ poses
    expected = see(start, Motion(poses), CAMERA).inverse
    middle = np.s_[15:-15, 20:-20]  # a chain forgets what has left the view for a while
    np.testing.assert_allclose(1 / last.geometry.depth[middle], expected[middle], rtol=0.03)
    np.testing.assert_allclose(last.motion.scene, steps[-1].scene if chained else poses, atol=1e-12)


def test_motions_compose() -> None:
    first, second = (
        Motion(pose, other) for pose, other in random_walk(np.random.default_rng(1), 4).reshape(2, 2, 4, 4)
    )
    both = second.after(first)
    np.testing.assert_allclose(both.scene, second.scene @ first.scene)
    assert both.actor is not None
    np.testing.assert_allclose(both.actor, second.actor @ first.actor)
    assert second.after(Motion(first.scene)).actor is None

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import pytest

from i2vadapt.demo.figure import turn_x, turn_y
from i2vadapt.demo.random_scenes import random_scene
from i2vadapt.demo.raycast import cast, ray_table, windows
from i2vadapt.demo.rendering import exact_flow, render
from i2vadapt.demo.scene import (
    BOX,
    CONE,
    CYLINDER,
    PLANE,
    SPHERE,
    Camera,
    FixedCamera,
    Floats,
    Light,
    Material,
    Primitives,
    Scene,
    concatenate,
    intrinsics,
    primitive,
)
from i2vadapt.demo.textures import NOISE

SIZE = (60, 80)
K = intrinsics(SIZE, 0.9)
LIGHT = Light(np.array([0.0, -0.6, -0.8]), np.full(3, 0.5), np.full(3, 0.5), np.zeros(4))
CLOTH = Material(NOISE, np.array([0.2, 0.3, 0.4]), np.array([0.9, 0.8, 0.7]), 0.7, seed=3)


def pixels() -> Floats:
    columns, rows = np.meshgrid(np.arange(SIZE[1]), np.arange(SIZE[0]))
    return np.stack([columns, rows, np.ones(SIZE)], -1).astype(float)


@dataclass(frozen=True)
class Gliding:
    """A camera that is at the origin at time 0 and elsewhere, turned, at time 1."""

    turn: Floats
    centre: Floats

    def at(self, time: float) -> Camera:
        if time == 0.0:
            return Camera(K, np.eye(3), np.zeros(3))
        return Camera(K, self.turn, -self.turn @ self.centre)


@dataclass(frozen=True)
class Shifted:
    """A sphere that moves by a metre to the right in a second."""

    def primitives(self, time: float) -> Primitives:
        return primitive(SPHERE, (0.5,), (time, 0.0, 3.0), CLOTH)


def wall(depth: float) -> Primitives:
    return primitive(PLANE, (), (0, 0, depth), CLOTH)


def still(parts: Primitives) -> Scene:
    return Scene(SIZE, parts, (), FixedCamera(Camera(K, np.eye(3), np.zeros(3))), LIGHT)


def test_depth_is_z_and_not_distance() -> None:
    np.testing.assert_allclose(render(still(wall(4.0)), 0.0).depth, 4.0, rtol=1e-6)


def test_depth_of_the_ground() -> None:
    ground = primitive(PLANE, (), (0, 1.5, 0), CLOTH, turn_x(0.5 * np.pi))
    depth = render(still(ground), 0.0).depth
    below = pixels()[..., 1] - K[1, 2]
    np.testing.assert_allclose(depth[below > 0], (1.5 * K[1, 1] / below)[below > 0], rtol=1e-5)
    assert (depth[below < 0] == 0).all()


def test_depth_of_a_sphere() -> None:
    centre, radius = np.array([0.2, -0.1, 3.0]), 0.8
    depth = render(still(primitive(SPHERE, (radius,), centre, CLOTH)), 0.0).depth
    rays = pixels() @ np.linalg.inv(K).T
    a, b, c = (rays**2).sum(-1), rays @ centre, centre @ centre - radius**2
    root = b**2 - a * c
    expected = np.where(root >= 0, (b - np.sqrt(np.maximum(root, 0))) / a, 0.0)
    np.testing.assert_allclose(depth, expected, rtol=1e-5)
    assert (depth > 0).mean() > 0.05


def distance(kind: int, shape: tuple[float, ...], points: Floats) -> Floats:
    """Signed distance from points (N, 3), or a bound with the same zero set, from its definition."""
    if kind == SPHERE:
        return np.linalg.norm(points, axis=1) - shape[0]
    if kind == BOX:
        return (np.abs(points) - shape).max(1)
    rho = np.hypot(points[:, 0], points[:, 2])
    if kind == CYLINDER:
        return np.maximum(rho - shape[0], np.abs(points[:, 1]) - shape[1])
    # A cone is the union of all spheres between its two.
    result = np.full(len(points), np.inf)
    for share in np.linspace(0, 1, 401):
        radius = shape[0] + share * (shape[1] - shape[0])
        result = np.minimum(result, np.hypot(rho, points[:, 1] - share * shape[2]) - radius)
    return result


@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        (SPHERE, (0.7,)),
        (BOX, (0.5, 0.3, 0.7)),
        (CYLINDER, (0.4, 0.6)),
        (CONE, (0.4, 0.2, 1.0)),
        (CONE, (0.15, 0.5, 0.7)),
    ],
)
@pytest.mark.parametrize("squash", [1.0, 0.6])
def test_hits_are_the_first_points_of_the_surface(kind: int, shape: tuple[float, ...], squash: float) -> None:
    turn = turn_y(0.7) @ turn_x(0.9)
    origin = np.array([0.1, -0.2, 3.0])
    frame = render(still(primitive(kind, shape, origin, CLOTH, turn, squash)), 0.0)
    hit = frame.index >= 0
    assert 0.02 < hit.mean() < 0.9
    assert np.abs(distance(kind, shape, frame.local[hit])).max() < 1e-4
    rays = pixels() @ np.linalg.inv(K).T
    inverse = turn.T / np.array([[1.0], [1.0], [squash]])
    for z in np.linspace(2.0, 4.0, 9):  # before the hit, and on rays without one, nothing is inside
        before = ~hit | (z < frame.depth - 1e-4)
        local = (rays[before] * z - origin) @ inverse.T
        assert distance(kind, shape, local).min() > -1e-6


def test_windows_leave_nothing_out() -> None:
    for seed in range(12):
        scene = random_scene(np.random.default_rng(seed), (48, 64))
        primitives, camera = scene.primitives(0.0), scene.path.at(0.0)
        rays = ray_table(primitives, camera)
        everything = np.tile(np.array([0, 64, 0, 48]), (len(primitives.kinds), 1))
        expected, _ = cast(rays, everything, 48, 64)
        depth, _ = cast(rays, windows(primitives, camera, 48, 64), 48, 64)
        np.testing.assert_array_equal(depth, expected)


def test_flow_of_a_translation_is_focal_length_times_shift_over_depth() -> None:
    scene = replace(still(wall(5.0)), path=Gliding(np.eye(3), np.array([0.2, -0.1, 0.0])))
    flow, visible = exact_flow(scene, 0.0, 1.0)
    np.testing.assert_allclose(flow[..., 0], -0.2 * K[0, 0] / 5.0, rtol=1e-4)
    np.testing.assert_allclose(flow[..., 1], 0.1 * K[1, 1] / 5.0, rtol=1e-4)
    inside = pixels()[..., :2] + flow
    np.testing.assert_array_equal(visible, ((inside >= 0) & (inside <= [SIZE[1] - 1, SIZE[0] - 1])).all(-1))


def test_flow_of_a_rotation_is_the_homography() -> None:
    turn = turn_y(0.05) @ turn_x(-0.03)
    flow, _ = exact_flow(replace(still(wall(5.0)), path=Gliding(turn, np.zeros(3))), 0.0, 1.0)
    moved = pixels() @ (K @ turn @ np.linalg.inv(K)).T
    np.testing.assert_allclose(flow, moved[..., :2] / moved[..., 2:] - pixels()[..., :2], atol=1e-4)


def test_a_moving_thing_hides_what_is_behind_it() -> None:
    scene = replace(still(wall(5.0)), figures=(Shifted(),))
    flow, visible = exact_flow(scene, 0.0, 0.4)
    ball_now, ball_later = render(scene, 0.0).index == 1, render(scene, 0.4).index == 1
    assert (flow[ball_now][:, 0] > 5).all()
    assert np.abs(flow[~ball_now]).max() < 1e-6
    np.testing.assert_array_equal(visible[~ball_now], ~ball_later[~ball_now])


def test_warping_the_second_frame_back_gives_the_first() -> None:
    parts = concatenate([wall(5.0), primitive(BOX, (0.5, 0.4, 0.3), (-0.6, 0.3, 3.5), CLOTH, turn_y(0.5))])
    path = Gliding(turn_y(0.02) @ turn_x(0.01), np.array([0.1, 0.05, 0.2]))
    scene = Scene(SIZE, parts, (Shifted(),), path, LIGHT)
    flow, visible = exact_flow(scene, 0.0, 1.0)
    first, second = (render(scene, time).image.astype(np.float32) for time in (0.0, 1.0))
    where = (pixels()[..., :2] + flow).astype(np.float32)
    warped = cv2.remap(second, where[..., 0], where[..., 1], cv2.INTER_LINEAR)
    error = np.abs(warped - first).max(-1)
    # Lit and shadowed places change with the ball, so a few points do differ.
    assert visible.mean() > 0.7
    assert np.median(error[visible]) < 2.0
    assert np.percentile(error[visible], 85) < 8.0
    assert np.median(np.abs(second - first).max(-1)[visible]) > 5 * np.median(error[visible])

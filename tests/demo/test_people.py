from __future__ import annotations

import numpy as np
import pytest

from i2vadapt.demo.actions import CLASSES, random_movement
from i2vadapt.demo.actor import random_actor, random_body
from i2vadapt.demo.figure import Body, Pose, joints
from i2vadapt.demo.looks import ANY
from i2vadapt.demo.random_scenes import random_scene
from i2vadapt.demo.rendering import render

RIGHT_SHANK, RIGHT_FOOT, LEFT_FOOT, RIGHT_HAND = 5, 6, 12, 9


def lowest_sole(body: Body, pose: Pose) -> float:
    where = joints(body, pose)
    heel, toe = 0.029 * body.stature, 0.021 * body.stature
    ends = [(where.origins[k], heel) for k in (RIGHT_FOOT, LEFT_FOOT)]
    ends += [(where.origins[k] + 0.095 * body.stature * where.frames[k][:, 1], toe) for k in (RIGHT_FOOT, LEFT_FOOT)]
    return max(point[1] + radius for point, radius in ends)


def test_a_standing_person_is_as_tall_as_their_stature() -> None:
    body = Body(stature=1.8)
    top = joints(body, Pose()).origins[3][1] - 0.066 * 1.8
    assert -top == pytest.approx(1.8, abs=0.07)


def test_positive_angles_go_where_the_names_say() -> None:
    body, rest = Body(), joints(Body(), Pose())
    forward = joints(body, Pose(hip=(0.5, 0.0)))
    bent = joints(body, Pose(knee=(0.8, 0.0)))
    raised = joints(body, Pose(raise_=(1.5, 0.1)))
    assert forward.origins[RIGHT_SHANK][2] > rest.origins[RIGHT_SHANK][2] + 0.1
    assert bent.origins[RIGHT_FOOT][2] < rest.origins[RIGHT_FOOT][2] - 0.1
    assert raised.origins[RIGHT_HAND][0] > rest.origins[RIGHT_HAND][0] + 0.3
    assert joints(body, Pose(lean=0.3)).origins[3][2] > 0.1


@pytest.mark.parametrize("name", CLASSES)
def test_nobody_floats_or_sinks(name: str) -> None:
    rng = np.random.default_rng(4)
    body, movement = random_body(rng), random_movement(rng, name)
    for phase in np.linspace(0, 1, 9):
        pose = movement.pose(phase)
        assert lowest_sole(body, pose) == pytest.approx(-pose.lift, abs=1e-9)


def test_running_is_faster_than_walking_and_bends_the_arms_more() -> None:
    rng = np.random.default_rng(0)
    walks, runs = ([random_movement(rng, name) for _ in range(60)] for name in ("walk", "run"))
    assert min(run.rate for run in runs) > max(walk.rate for walk in walks)
    ratio = np.mean([run.rate for run in runs]) / np.mean([walk.rate for walk in walks])
    assert 1.9 < ratio < 2.5
    crooks = [sorted(sum(m.pose(0.0).elbow) for m in group) for group in (walks, runs)]
    assert np.median(crooks[1]) > np.median(crooks[0])


@pytest.mark.parametrize(("name", "direction"), [("sit_down", 1), ("stand_up", -1)])
def test_sitting_down_lowers_the_hips_and_keeps_the_feet(name: str, direction: int) -> None:
    body = Body()
    movement = random_movement(np.random.default_rng(1), name)
    frames = [joints(body, movement.pose(phase)) for phase in np.linspace(0, 1, 11)]
    heights = np.array([frame.origins[0][1] for frame in frames])  # y is down
    assert (np.diff(heights) * direction > 0).all()
    assert abs(heights[-1] - heights[0]) > 0.3
    feet = np.array([frame.origins[RIGHT_FOOT] for frame in frames])
    assert np.ptp(feet[:, 2]) < 0.03


def test_an_actor_advances_where_they_face() -> None:
    rng = np.random.default_rng(2)
    actor = random_actor(rng, ANY, random_movement(rng, "walk"), 0.5 * np.pi, 0.0, travel=1.0)
    x, y, z = actor.place_at(1.0)
    assert 0.7 < x < 2.2
    assert abs(y) < 1e-12
    assert abs(z) < 1e-9


def test_random_scenes_depend_on_the_seed_alone_and_fill_the_view() -> None:
    for seed in range(8):
        first, second = (render(random_scene(np.random.default_rng(seed), (64, 48)), 0.0) for _ in range(2))
        np.testing.assert_array_equal(first.image, second.image)
        assert first.image.shape == (64, 48, 3)
        assert (first.depth > 0.05).all()
        assert first.depth.max() < 70
        assert first.image.std() > 8

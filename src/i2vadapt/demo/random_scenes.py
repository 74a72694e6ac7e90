"""Random scenes of all kinds, for training depth and flow networks."""

from __future__ import annotations

import numpy as np

from i2vadapt.demo.actions import CLASSES, random_movement
from i2vadapt.demo.actor import Actor, random_actor
from i2vadapt.demo.looks import ANY, random_light
from i2vadapt.demo.scene import Camera, FixedCamera, Scene, intrinsics, look_at
from i2vadapt.demo.surroundings import Space, open_place, room


def random_scene(rng: np.random.Generator, size: tuple[int, int]) -> Scene:
    """Draws a room or an open place with furniture, and none, one or two people in random poses.

    Textures and colours come from all styles; the camera stands still, and people move with time.

    Args:
        rng: random generator; the same state gives the same scene.
        size: (height, width) in pixels.
    """
    place = room if rng.random() < 0.55 else open_place
    azimuth = rng.uniform(-0.5, 0.5)
    surroundings = place(rng, ANY, Space(rng.uniform(0.7, 1.3), azimuth=azimuth))
    people: list[Actor] = []
    for _ in range(int(rng.choice([0, 1, 2], p=[0.25, 0.5, 0.25]))):
        movement = random_movement(rng, str(rng.choice(CLASSES)))
        actor = random_actor(rng, ANY, movement, rng.uniform(0, 2 * np.pi), rng.random())
        spot = np.array([rng.uniform(-0.8, 0.8), 0.0, rng.uniform(-0.6, 0.8)])
        people.append(Actor(actor.body, actor.parts, movement, spot, actor.heading, actor.phase))
    field_of_view = np.deg2rad(rng.uniform(32, 75))
    distance = rng.uniform(0.9, 1.5) / np.tan(0.5 * field_of_view) + 0.3
    position = np.array([distance * np.sin(azimuth), -rng.uniform(0.5, 2.6), -distance * np.cos(azimuth)])
    target = np.array([rng.uniform(-0.6, 0.6), -rng.uniform(0.4, 1.3), rng.uniform(-0.3, 0.5)])
    R, t = look_at(position, target, rng.normal(0, 0.04))
    camera = Camera(intrinsics(size, field_of_view), R, t)
    return Scene(size, surroundings, tuple(people), FixedCamera(camera), random_light(rng, ANY))

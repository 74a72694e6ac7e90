"""Labelled photographs of the demo: single moments of actions, sharp, bright and warm, from many viewpoints."""

from __future__ import annotations

import numpy as np

from i2vadapt.demo.actions import random_movement
from i2vadapt.demo.actor import Actor, random_actor
from i2vadapt.demo.looks import PHOTOGRAPHS, Look, random_light
from i2vadapt.demo.scene import Camera, FixedCamera, Floats, Primitives, Scene, concatenate, intrinsics, look_at
from i2vadapt.demo.surroundings import Space, open_place, room, stool

_SIZES = ((240, 320), (320, 240), (270, 360), (400, 300), (300, 400), (360, 270), (288, 384), (320, 320))

# Ranges of the phase to photograph, for actions during most of which the person just stands.
_MOMENTS = {"kick": (0.46, 0.62), "sit_down": (0.3, 0.88), "stand_up": (0.12, 0.7)}


def extent(parts: Primitives, R: Floats, t: Floats, K: Floats) -> Floats:
    """Pixel bounds (left, top, right, bottom) of the origins of body parts, with a margin of 9 cm."""
    points = parts.origins @ R.T + t
    image = points @ K.T
    image = image[:, :2] / image[:, 2:]
    margin = 0.09 * K[0, 0] / points[:, 2:]
    return np.concatenate([(image - margin).min(0), (image + margin).max(0)])


def frame_person(
    parts: Primitives, size: tuple[int, int], field_of_view: float, azimuth: float, elevation: float, share: float
) -> tuple[Camera, Floats]:
    """Places a camera so that a person fills a share of the image.

    Args:
        parts: the person's primitives.
        size: (height, width) of the image.
        field_of_view: vertical field of view, radians.
        azimuth: angle of the camera around the person, radians; 0 is in front of the room.
        elevation: angle of the camera above the person's middle, radians.
        share: share of the image height that the person fills; at most 85 % of the width are filled.

    Returns:
        The camera and the point that it looks at (3,).
    """
    K = intrinsics(size, field_of_view)
    middle = 0.5 * (parts.origins.min(0) + parts.origins.max(0))
    direction = np.array(
        [np.sin(azimuth) * np.cos(elevation), -np.sin(elevation), -np.cos(azimuth) * np.cos(elevation)]
    )
    distance = 1.8 / share * K[1, 1] / size[0]
    for _ in range(3):  # converges at once, since the size in the image is nearly inverse to the distance
        position = middle + distance * direction
        position[1] = min(position[1], -0.25)
        R, t = look_at(position, middle)
        left, top, right, bottom = extent(parts, R, t, K)
        distance *= max((bottom - top) / (share * size[0]), (right - left) / (0.85 * size[1]))
    position = middle + distance * direction
    position[1] = min(position[1], -0.25)
    R, t = look_at(position, middle)
    return Camera(K, R, t), middle


def surroundings_for(
    rng: np.random.Generator, look: Look, actor: Actor, seated_phase: float | None, space: Space
) -> Primitives:
    """Draws a place around a person, with a seat if there is a phase at which they sit.

    Args:
        rng: random generator.
        look: style of the place.
        actor: the person.
        seated_phase: phase of their movement at which they sit, if any.
        space: ground to keep free; a long path is never in a room.
    """
    indoors = rng.random() < 0.55 and float(np.linalg.norm(space.way)) < 1.8
    place = (room if indoors else open_place)(rng, look, space)
    if seated_phase is None:
        return place
    seat, height = actor.seat(seated_phase)
    return concatenate([place, stool(rng, look, seat, height, actor.heading)])


def heading_for(rng: np.random.Generator, name: str) -> float:
    """Draws the direction that a person faces: any, but mostly one from which the action can be recognised.

    Args:
        rng: random generator.
        name: the action; people wave to the camera, and other actions are best seen from the side.
    """
    if name == "wave" and rng.random() < 0.9:
        return float(np.pi + rng.uniform(-1.1, 1.1))
    if name in ("kick", "walk", "run", "sit_down", "stand_up") and rng.random() < 0.9:
        return float(rng.choice([0.5, 1.5]) * np.pi + rng.normal(0, 0.3))
    return float(rng.uniform(0, 2 * np.pi))


def seated_phase_of(name: str) -> float | None:
    """Phase of an action at which the person sits, or None."""
    return {"sit_down": 1.0, "stand_up": 0.0}.get(name)


def photograph_scene(rng: np.random.Generator, name: str) -> Scene:
    """Draws the scene of one photograph, to be rendered at time 0.

    Args:
        rng: random generator.
        name: the action, one of CLASSES.
    """
    size = _SIZES[rng.integers(len(_SIZES))]
    movement = random_movement(rng, name)
    phase = rng.uniform(*_MOMENTS.get(name, (0.0, 1.0)))
    actor = random_actor(rng, PHOTOGRAPHS, movement, heading_for(rng, name), phase)
    azimuth = rng.uniform(-0.45, 0.45)
    space = Space(1.2, azimuth=azimuth)
    place = surroundings_for(rng, PHOTOGRAPHS, actor, seated_phase_of(name), space)
    camera, _ = frame_person(
        actor.primitives(0.0),
        size,
        np.deg2rad(rng.uniform(24, 46)),
        azimuth,
        np.deg2rad(rng.uniform(-4, 16)),
        rng.uniform(0.72, 0.9),
    )
    # Photographers do not place everybody in the middle.
    K = camera.K.copy()
    K[:2, 2] += rng.uniform(-0.05, 0.05, 2) * (size[1], size[0] * 0.4)
    return Scene(size, place, (actor,), FixedCamera(camera._replace(K=K)), random_light(rng, PHOTOGRAPHS))

"""Rooms and open places with furniture, trees and other objects around a person at the origin."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from i2vadapt.demo.figure import turn_y
from i2vadapt.demo.looks import Look, sky_material, surface
from i2vadapt.demo.scene import (
    BOX,
    CONE,
    CYLINDER,
    PLANE,
    SPHERE,
    Floats,
    Material,
    Primitives,
    concatenate,
    primitive,
)
from i2vadapt.demo.textures import NOISE, PLAIN

FAR = 60.0  # metres to the sky


def _plane(point: tuple[float, float, float], normal: tuple[float, float, float], material: Material) -> Primitives:
    """An unbounded plane; its texture's v axis is vertical on walls and points away from the camera on the ground."""
    n = np.array(normal)
    up = np.array([0.0, 0.0, 1.0]) if abs(n[1]) > 0.5 else np.array([0.0, 1.0, 0.0])
    rotation = np.stack([np.cross(up, n), up, n], 1)
    return primitive(PLANE, (), point, material, rotation)


def _thing(rng: np.random.Generator, look: Look, place: Floats, scale: float) -> list[Primitives]:
    """One piece of furniture that stands on the ground at a place."""
    kind, turn = rng.integers(5), turn_y(rng.uniform(0, np.pi))
    size = scale * rng.uniform(0.25, 0.7)
    material = surface(rng, look, size)
    if kind == 0:
        half = size * rng.uniform(0.4, 1.0, 3)
        return [primitive(BOX, half, place - [0, half[1], 0], material, turn)]
    if kind == 1:
        middle = size * rng.uniform(0.4, 1.5)
        return [primitive(CYLINDER, (0.5 * size, middle), place - [0, middle, 0], material)]
    if kind == 2:
        return [primitive(SPHERE, (0.6 * size,), place - [0, 0.6 * size, 0], material, turn)]
    if kind == 3:  # a table
        top, height = np.array([size, 0.03, 0.6 * size]), rng.uniform(0.6, 0.85)
        legs = primitive(CYLINDER, (0.06 + 0.1 * size, 0.5 * height), place - [0, 0.5 * height, 0], material)
        return [primitive(BOX, top, place - [0, height, 0], material, turn), legs]
    half = np.array([0.45 * size, rng.uniform(0.7, 1.1), 0.3 * size])  # a cupboard
    return [primitive(BOX, half, place - [0, half[1], 0], material, turn)]


def _tree(rng: np.random.Generator, look: Look, place: Floats) -> list[Primitives]:
    height = rng.uniform(1.8, 3.5)
    bark = surface(rng, look, 0.3, (NOISE, PLAIN))
    trunk = primitive(CONE, (0.13, 0.2, height), place - [0, height, 0], bark)
    value = rng.uniform(*look.value)
    leaves = Material(
        NOISE,
        value * np.array([0.3, 0.55, 0.2]) * rng.uniform(0.8, 1.2, 3),
        value * np.array([0.5, 0.8, 0.3]) * rng.uniform(0.8, 1.2, 3),
        scale=rng.uniform(3, 6),
        grain=0.6,
        seed=int(rng.integers(1, 100_000)),
    )
    crown = []
    for _ in range(3):
        radius, shift = rng.uniform(0.7, 1.3), rng.uniform(-0.7, 0.7, 3)
        crown.append(primitive(SPHERE, (radius,), place + shift - [0, height + 0.5, 0], leaves))
    return [trunk, *crown]


@dataclass(frozen=True)
class Space:
    """The ground to keep free: around a path through the origin, and from there to the camera."""

    clear: float = 1.1  # distance to keep from the path, metres
    way: Floats = field(default_factory=lambda: np.zeros(3))  # end of the path; it begins at minus this point
    azimuth: float = 0.0  # azimuth of the camera, radians; at 0 it looks along z

    def is_free(self, place: Floats) -> bool:
        """Whether an object may stand at a place."""
        length = float(self.way @ self.way)
        share = np.clip(place @ self.way / length, -1, 1) if length > 0 else 0.0
        near = float(np.linalg.norm(place - share * self.way)) < self.clear
        to_camera = np.array([np.sin(self.azimuth), 0.0, -np.cos(self.azimuth)])
        aside = np.array([np.cos(self.azimuth), 0.0, np.sin(self.azimuth)])
        between = place @ to_camera > 0 and abs(place @ aside) < 1.3 * self.clear + abs(self.way @ aside)
        return not near and not between


def _scatter(rng: np.random.Generator, space: Space, reach: float, ahead: float) -> Floats:
    """Draws a free place on the ground, up to `reach` metres to the sides and `ahead` metres behind the person."""
    for _ in range(20):
        place = np.array([rng.uniform(-reach, reach), 0.0, rng.uniform(-0.3 * reach, ahead)])
        if space.is_free(place):
            return place
    return np.array([reach + space.clear, 0.0, ahead])


def room(rng: np.random.Generator, look: Look, space: Space) -> Primitives:
    """Draws a room: floor, walls, ceiling, a skirting board, perhaps pictures, and furniture.

    Args:
        rng: random generator.
        look: style of the room.
        space: ground to keep free.
    """
    aside, ahead = space.clear + abs(space.way[0]), space.clear + abs(space.way[2])
    back = rng.uniform(ahead + 0.6, ahead + 3.5)
    left, right = -rng.uniform(aside + 1.4, aside + 3.5), rng.uniform(aside + 1.4, aside + 3.5)
    walls = surface(rng, look, 2.5)
    sides = walls if rng.random() < 0.6 else surface(rng, look, 2.5)
    parts = [
        _plane((0, 0, 0), (0, -1, 0), surface(rng, look, 1.5)),
        _plane((0, 0, back), (0, 0, -1), walls),
        _plane((left, 0, 0), (1, 0, 0), sides),
        _plane((right, 0, 0), (-1, 0, 0), sides),
        _plane((0, 0, -12), (0, 0, 1), sides),
        _plane((0, -rng.uniform(3.0, 4.2), 0), (0, 1, 0), surface(rng, look, 2.0, (PLAIN, NOISE))),
    ]
    board = surface(rng, look, 1.0, (PLAIN,))
    parts.append(primitive(BOX, (10.0, 0.06, 0.02), (0, -0.06, back), board))
    for _ in range(int(rng.integers(0, 4))):  # pictures, windows, doors
        half = rng.uniform(0.2, 0.7, 2)
        place = (rng.uniform(left, right), -rng.uniform(0.9, 2.2), back)
        parts.append(primitive(BOX, (half[0], half[1], 0.03), place, surface(rng, look, 0.8)))
    for _ in range(int(rng.integers(2, 6))):
        parts += _thing(rng, look, _scatter(rng, space, min(right, -left) - 0.3, back - 0.4), 1.0)
    return concatenate(parts)


def open_place(rng: np.random.Generator, look: Look, space: Space) -> Primitives:
    """Draws a place under the sky: ground, perhaps a house front and a low wall, trees and other objects.

    Args:
        rng: random generator.
        look: style of the place.
        space: ground to keep free.
    """
    ahead = space.clear + abs(space.way[2])
    wide = replace(space, clear=space.clear + 1.2)
    parts = [
        _plane((0, 0, 0), (0, -1, 0), surface(rng, look, 2.5)),
        primitive(SPHERE, (FAR,), (0, 0, 0), sky_material(rng, look)),
    ]
    if rng.random() < 0.5:
        distance, half = rng.uniform(ahead + 3, ahead + 13), rng.uniform(2, 5)
        place = (rng.uniform(-4, 4), -half, distance + 3)
        parts.append(primitive(BOX, (rng.uniform(4, 9), half, 3.0), place, surface(rng, look, 3.0)))
    if rng.random() < 0.4:
        height = rng.uniform(0.3, 0.7)
        place = (0.0, -height, rng.uniform(ahead + 1.0, ahead + 5.0))
        parts.append(primitive(BOX, (20.0, height, 0.08), place, surface(rng, look, 1.0)))
    for _ in range(int(rng.integers(1, 4))):
        parts += _tree(rng, look, _scatter(rng, wide, 6.0 + abs(space.way[0]), 12.0))
    for _ in range(int(rng.integers(2, 5))):
        parts += _thing(rng, look, _scatter(rng, space, 4.0 + abs(space.way[0]), 7.0), 1.5)
    return concatenate(parts)


def stool(rng: np.random.Generator, look: Look, seat: Floats, height: float, heading: float) -> Primitives:
    """Draws something to sit on: a block or a round stool of a given height.

    Args:
        rng: random generator.
        look: style of the stool.
        seat: position of the centre of the seat (3,).
        height: height of the seat in metres.
        heading: direction that the seated person faces, radians.
    """
    material = surface(rng, look, 0.5)
    middle = np.array([seat[0], -0.5 * height, seat[2]])
    if rng.random() < 0.5:
        return primitive(CYLINDER, (rng.uniform(0.16, 0.22), 0.5 * height), middle, material)
    half = (rng.uniform(0.2, 0.3), 0.5 * height, rng.uniform(0.17, 0.22))
    return primitive(BOX, half, middle, material, turn_y(heading))

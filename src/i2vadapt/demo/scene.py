"""Components of a scene: primitives with materials, a camera, a light, and objects that move with time.

The world has the same axes as the camera: x right, y down, z forward, in metres; the ground is y = 0 and heights are
negative y. `Primitives`, `Camera` and `Light` are named tuples because the compiled kernels accept these directly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# Shapes in their local frame; brackets list the parameters of each, at most three.
PLANE = 0  # z = 0, unbounded []
SPHERE = 1  # about the origin [radius]
CONE = 2  # hull of two spheres at y = 0 and y = length [first radius, second radius, length]
BOX = 3  # about the origin [half width x, half height y, half depth z]
CYLINDER = 4  # about the y axis, capped [radius, half height]


class Primitives(NamedTuple):
    """N primitives as arrays; local point = linear @ (world point - origin)."""

    kinds: Integers  # (N,)
    shapes: Floats  # (N, 3)
    linear: Floats  # (N, 3, 3)
    origins: Floats  # (N, 3)
    textures: Integers  # (N,) constants of textures.py
    colours: Floats  # (N, 2, 3) in [0, 1]
    patterns: Floats  # (N, 4) cells per metre, angle in radians, grain in [0, 1], seed


class Camera(NamedTuple):
    """A pinhole camera with pixel centres at integers; camera point = R @ world point + t."""

    K: Floats  # (3, 3)
    R: Floats  # (3, 3)
    t: Floats  # (3,)

    def centre(self) -> Floats:
        """The camera's position in the world (3,)."""
        return -self.R.T @ self.t


class Light(NamedTuple):
    """One directional light, a sky light that is stronger from above, and haze."""

    direction: Floats  # (3,) unit vector towards the light
    colour: Floats  # (3,)
    ambient: Floats  # (3,)
    haze: Floats  # (4,) colour, density per metre


@dataclass(frozen=True)
class Material:
    """A procedural texture: its pattern, two colours, scale, angle, grain and seed."""

    texture: int
    first: Floats
    second: Floats
    scale: float = 1.0
    angle: float = 0.0
    grain: float = 0.1
    seed: int = 0


class Moving(Protocol):
    """Anything whose primitives depend on the time in seconds."""

    def primitives(self, time: float) -> Primitives:
        """Returns the primitives at a time."""
        ...


class CameraPath(Protocol):
    """A camera that may move."""

    def at(self, time: float) -> Camera:
        """Returns the camera at a time."""
        ...


@dataclass(frozen=True)
class FixedCamera:
    """A camera path that stands still."""

    camera: Camera

    def at(self, time: float) -> Camera:
        """Returns the same camera at every time."""
        return self.camera


@dataclass(frozen=True)
class Scene:
    """Everything needed by `render`; `size` is (height, width) in pixels."""

    size: tuple[int, int]
    surroundings: Primitives
    figures: tuple[Moving, ...]
    path: CameraPath
    light: Light

    def primitives(self, time: float) -> Primitives:
        """All primitives at a time, the surroundings first; their order never changes."""
        return concatenate([self.surroundings, *(figure.primitives(time) for figure in self.figures)])


@dataclass(frozen=True)
class Frame:
    """A rendered frame with its exact geometry."""

    image: NDArray[np.uint8]  # (H, W, 3) RGB
    depth: NDArray[np.float32]  # (H, W) z in metres
    index: NDArray[np.int32]  # (H, W) primitive visible at the pixel centre
    local: NDArray[np.float64]  # (H, W, 3) the visible point, in that primitive's frame


def primitive(
    kind: int,
    shape: Sequence[float] | Floats,
    origin: Sequence[float] | Floats,
    material: Material,
    rotation: Floats | None = None,
    squash: float = 1.0,
) -> Primitives:
    """Makes one primitive.

    Args:
        kind: PLANE, SPHERE, CONE, BOX or CYLINDER.
        shape: parameters of the shape, at most three, in metres.
        origin: position of the local origin in the world (3,).
        material: material of the surface.
        rotation: (3, 3) matrix whose columns are the local axes in the world; identity by default.
        squash: factor in (0, 1] that flattens the shape along its local z.
    """
    numbers = np.zeros(3)
    numbers[: len(shape)] = shape
    inverse = np.eye(3) if rotation is None else rotation.T.copy()
    inverse[2] /= squash
    return Primitives(
        np.array([kind], np.int64),
        numbers[None],
        inverse[None],
        np.asarray(origin, np.float64)[None],
        np.array([material.texture], np.int64),
        np.stack([material.first, material.second])[None].astype(np.float64),
        np.array([[material.scale, material.angle, material.grain, material.seed]], np.float64),
    )


def concatenate(parts: Sequence[Primitives]) -> Primitives:
    """Joins primitives in order."""
    return Primitives(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def intrinsics(size: tuple[int, int], field_of_view: float) -> Floats:
    """The 3x3 K of a camera with square pixels and a centred principal point.

    Args:
        size: (height, width) in pixels.
        field_of_view: vertical angle in radians.
    """
    height, width = size
    focal = 0.5 * height / np.tan(0.5 * field_of_view)
    return np.array([[focal, 0.0, 0.5 * (width - 1)], [0.0, focal, 0.5 * (height - 1)], [0.0, 0.0, 1.0]])


def look_at(position: Floats, target: Floats, roll: float = 0.0) -> tuple[Floats, Floats]:
    """R and t of a camera at a position that looks at a target, upright except for the roll in radians."""
    forward = (target - position) / np.linalg.norm(target - position)
    right = np.cross(np.array([0.0, 1.0, 0.0]), forward)
    right /= np.linalg.norm(right)
    upright = np.stack([right, np.cross(forward, right), forward])
    cosine, sine = np.cos(roll), np.sin(roll)
    R = np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]]) @ upright
    return R, -R @ position

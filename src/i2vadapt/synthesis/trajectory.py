"""Random motion of a generated video: of the camera, and of an actor in front of it.

A motion is a sequence of steps (T,4,4); step k takes points of frame k-1 to frame k, X' = R X + t, and frame 0 is the
photograph, which is not part of the video.
"""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

from i2vadapt.errors import UserError

Rotation = Literal["axis_angle", "euler"]
# Frames; a path without the walk's jitter, yet not a straight line.
_SMOOTHING = 3.0


def random_walk(
    rng: np.random.Generator,
    steps: int = 16,
    translation: tuple[float, float] = (0.01, 0.02),
    rotation_degrees: tuple[float, float] = (1.0, 2.0),
    *,
    rotation: Rotation = "axis_angle",
) -> np.ndarray:
    """Draws the motion from each frame to the next (paper section 3.1; ranges of the released generator).

    Every component of every step is an independent random sign times a uniform magnitude, so the camera jitters about
    its place rather than following a smooth path.

    Args:
        rng: source of all randomness.
        steps: number of motions.
        translation: lowest and highest magnitude along each axis, in units of depth.
        rotation_degrees: lowest and highest magnitude about each axis.
        rotation: reading of the three angles: "euler" turns about x, then y, then z, as the paper says; "axis_angle"
            takes them as one rotation vector, as the released code does. At 2 degrees the two differ by some 0.04
            degrees.

    Returns:
        (steps,4,4) float64.

    Raises:
        UserError: if a range is not 0 <= lowest <= highest, or the rotation has another name.
    """
    draws = _draw(rng, steps, translation, rotation_degrees)
    return np.stack([_pose(draw, rotation) for draw in draws])


def smooth_path(
    rng: np.random.Generator,
    steps: int = 16,
    translation: tuple[float, float] = (0.01, 0.02),
    rotation_degrees: tuple[float, float] = (1.0, 2.0),
    *,
    rotation: Rotation = "axis_angle",
) -> np.ndarray:
    """Draws a smooth path with the total range of a random walk.

    Each of the six components follows the sum of the steps that `random_walk` would take from the same source, smoothed
    over time, and stretched so that the interval it covers is as long as the walk's. The photograph is in the middle of
    the interval, so that no frame is farther from it than half the range: the first step leads to the path's beginning.

    Args:
        rng: source of all randomness.
        steps: number of motions.
        translation: as in `random_walk`.
        rotation_degrees: as in `random_walk`.
        rotation: as in `random_walk`, of the pose of each frame to the photograph.

    Returns:
        (steps,4,4) float64.

    Raises:
        UserError: as `random_walk`.
    """
    walk = np.cumsum(_draw(rng, steps, translation, rotation_degrees), axis=0)
    times = np.arange(steps)
    weights = np.exp(-0.5 * ((times[:, None] - times) / _SMOOTHING) ** 2)
    path = weights @ walk / weights.sum(axis=1, keepdims=True)
    path -= (path.min(axis=0) + path.max(axis=0)) / 2
    lengths = np.ptp(path, axis=0)
    path *= np.divide(np.ptp(walk, axis=0), lengths, out=np.zeros(6), where=lengths > 0)
    return _steps(np.stack([_pose(row, rotation) for row in path]))


def compose(steps: np.ndarray) -> np.ndarray:
    """Poses from the photograph to each frame (T,4,4), from the steps between frames (T,4,4)."""
    poses = [steps[0]]
    for step in steps[1:]:
        poses.append(step @ poses[-1])
    return np.stack(poses)


def as_seen_by(camera: np.ndarray, own: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Motion of something that moves by itself, as a moving camera sees it.

    Args:
        camera: steps of the camera (T,4,4).
        own: steps of the thing about its centre (T,4,4), in the axes of the photograph.
        centre: (3,), in the photograph's camera.

    Returns:
        (T,4,4) steps that take its points from each frame to the next.
    """
    there, back = np.eye(4), np.eye(4)
    there[:3, 3], back[:3, 3] = centre, -centre
    return _steps(compose(camera) @ there @ compose(own) @ back)


def _steps(poses: np.ndarray) -> np.ndarray:
    """Steps between frames from the poses to the photograph: the inverse of `compose`."""
    return poses @ np.linalg.inv(np.concatenate([np.eye(4)[None], poses[:-1]]))


def _draw(
    rng: np.random.Generator, steps: int, translation: tuple[float, float], rotation_degrees: tuple[float, float]
) -> np.ndarray:
    """Translations and angles in radians (steps,6)."""
    for name, (low, high) in (("translation", translation), ("rotation_degrees", rotation_degrees)):
        if not 0 <= low <= high < np.inf:
            raise UserError(f"{name}: must be two numbers 0 <= lowest <= highest, not [{low}, {high}]")
    draws = [np.concatenate([_signed(rng, translation), _signed(rng, rotation_degrees)]) for _ in range(steps)]
    return np.stack(draws) * np.array([1, 1, 1, *np.full(3, np.pi / 180)])


def _signed(rng: np.random.Generator, bounds: tuple[float, float]) -> np.ndarray:
    return rng.choice((-1.0, 1.0), size=3) * rng.uniform(*bounds, size=3)


def _pose(components: np.ndarray, rotation: Rotation) -> np.ndarray:
    if rotation not in ("axis_angle", "euler"):
        raise UserError(f"rotation: must be axis_angle or euler, not {rotation!r}")
    pose, angles = np.eye(4), components[3:]
    pose[:3, 3] = components[:3]
    pose[:3, :3] = cv2.Rodrigues(angles)[0] if rotation == "axis_angle" else _from_euler(angles)
    return pose


def _from_euler(angles: np.ndarray) -> np.ndarray:
    x, y, z = (cv2.Rodrigues(angle * axis)[0] for angle, axis in zip(angles, np.eye(3), strict=True))
    return z @ y @ x

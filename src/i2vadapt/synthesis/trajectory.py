"""Random motion of the camera and of an actor in a generated video.

A motion is a sequence of steps (T,4,4). Step k maps points from frame k-1 to frame k, X' = R X + t; frame 0 is the
photograph, which is not part of the video.
"""

from __future__ import annotations

from typing import get_args

import cv2
import numpy as np

from i2vadapt.config.preprocessing import Rotation
from i2vadapt.errors import UserError

# Standard deviation of the smoothing, frames: removes the walk's jitter, yet leaves more than a straight line.
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
    its position rather than following a smooth path.

    Args:
        rng: random generator.
        steps: number of steps.
        translation: lowest and highest magnitude along each axis, in units of depth.
        rotation_degrees: lowest and highest magnitude about each axis, degrees.
        rotation: interpretation of the three angles: "euler" rotates about x, then y, then z, as in the paper;
            "axis_angle" takes them as one rotation vector, as in the released code. At 2 degrees the two differ by
            about 0.04 degrees.

    Returns:
        (steps,4,4) float64.

    Raises:
        UserError: if a range is not 0 <= lowest <= highest, or the rotation is neither of these.
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

    Each of the six components follows the sum of the steps that `random_walk` would draw from the same generator,
    smoothed over time and stretched so that its range equals the walk's. The photograph is in the middle of that
    range, so no frame is farther from it than half of it; the first step moves to the start of the path.

    Args:
        rng: random generator.
        steps: number of steps.
        translation: see `random_walk`.
        rotation_degrees: see `random_walk`.
        rotation: see `random_walk`; applies to the pose of each frame relative to the photograph.

    Returns:
        (steps,4,4) float64.

    Raises:
        UserError: see `random_walk`.
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


def relative_to_camera(camera: np.ndarray, own: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Motion of an object that moves by itself, relative to a moving camera.

    Args:
        camera: steps of the camera (T,4,4).
        own: steps of the object about its centre (T,4,4), along the axes of the photograph.
        centre: centre of the object (3,), in the camera coordinates of the photograph.

    Returns:
        (T,4,4) steps that map the object's points from each frame to the next.
    """
    there, back = np.eye(4), np.eye(4)
    there[:3, 3], back[:3, 3] = centre, -centre
    return _steps(compose(camera) @ there @ compose(own) @ back)


def _steps(poses: np.ndarray) -> np.ndarray:
    """Steps between frames from the poses relative to the photograph: the inverse of `compose`."""
    return poses @ np.linalg.inv(np.concatenate([np.eye(4)[None], poses[:-1]]))


def _draw(
    rng: np.random.Generator, steps: int, translation: tuple[float, float], rotation_degrees: tuple[float, float]
) -> np.ndarray:
    """Draws translations and angles in radians (steps,6)."""
    for name, (low, high) in (("translation", translation), ("rotation_degrees", rotation_degrees)):
        if not 0 <= low <= high < np.inf:
            raise UserError(f"{name}: must be two numbers 0 <= lowest <= highest, not [{low}, {high}]")
    draws = [np.concatenate([_signed(rng, translation), _signed(rng, rotation_degrees)]) for _ in range(steps)]
    return np.stack(draws) * np.array([1, 1, 1, *np.full(3, np.pi / 180)])


def _signed(rng: np.random.Generator, bounds: tuple[float, float]) -> np.ndarray:
    return rng.choice((-1.0, 1.0), size=3) * rng.uniform(*bounds, size=3)


def _pose(components: np.ndarray, rotation: Rotation) -> np.ndarray:
    if rotation not in get_args(Rotation):
        raise UserError(f"rotation: must be {' or '.join(get_args(Rotation))}, not {rotation!r}")
    pose, angles = np.eye(4), components[3:]
    pose[:3, 3] = components[:3]
    pose[:3, :3] = cv2.Rodrigues(angles)[0] if rotation == "axis_angle" else _from_euler(angles)
    return pose


def _from_euler(angles: np.ndarray) -> np.ndarray:
    x, y, z = (cv2.Rodrigues(angle * axis)[0] for angle, axis in zip(angles, np.eye(3), strict=True))
    return z @ y @ x

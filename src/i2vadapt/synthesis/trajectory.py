"""Random camera motion of a generated video."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

from i2vadapt.errors import UserError

Rotation = Literal["axis_angle", "euler"]


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
        (steps,4,4) float64; pose k takes points of camera k-1 to camera k, X' = R X + t.

    Raises:
        UserError: if a range is not 0 <= lowest <= highest, or the rotation has another name.
    """
    for name, (low, high) in (("translation", translation), ("rotation_degrees", rotation_degrees)):
        if not 0 <= low <= high < np.inf:
            raise UserError(f"{name}: must be two numbers 0 <= lowest <= highest, not [{low}, {high}]")
    if rotation not in ("axis_angle", "euler"):
        raise UserError(f"rotation: must be axis_angle or euler, not {rotation!r}")
    poses = np.tile(np.eye(4), (steps, 1, 1))
    for pose in poses:
        pose[:3, 3] = _signed(rng, translation)
        angles = np.deg2rad(_signed(rng, rotation_degrees))
        pose[:3, :3] = cv2.Rodrigues(angles)[0] if rotation == "axis_angle" else _from_euler(angles)
    return poses


def _signed(rng: np.random.Generator, bounds: tuple[float, float]) -> np.ndarray:
    return rng.choice((-1.0, 1.0), size=3) * rng.uniform(*bounds, size=3)


def _from_euler(angles: np.ndarray) -> np.ndarray:
    x, y, z = (cv2.Rodrigues(angle * axis)[0] for angle, axis in zip(angles, np.eye(3), strict=True))
    return z @ y @ x

"""Surfaces of a frame in space, and which of them another camera sees (paper Eq. 1, p' ~ K T D(p) K^-1 p)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from i2vadapt.synthesis.filling import anchors
from i2vadapt.synthesis.splatting import project, splat


class Geometry(NamedTuple):
    """A frame's surfaces.

    Attributes:
        depth: (H,W) float32, z of each pixel, positive.
        actor: (H,W) bool, mask of what moves by itself; None if only the camera moves.
    """

    depth: np.ndarray
    actor: np.ndarray | None = None


class Motion(NamedTuple):
    """Poses X' = R X + t from one frame's camera to another's.

    Attributes:
        scene: (4,4), pose for everything that stands still.
        actor: (4,4), pose for the actor, which combines its own motion and the camera's; None without an actor.
    """

    scene: np.ndarray
    actor: np.ndarray | None = None

    def after(self, first: Motion) -> Motion:
        """The composed motion: `first`, then this one."""
        if self.actor is None or first.actor is None:
            return Motion(self.scene @ first.scene)
        return Motion(self.scene @ first.scene, self.actor @ first.actor)


class Visible(NamedTuple):
    """Surfaces in a new view, before holes are filled.

    Attributes:
        inverse: (H,W) float32, 1/z; 0 in holes.
        actor: mask, see `Geometry`; False in holes.
    """

    inverse: np.ndarray
    actor: np.ndarray | None = None


class Seen(NamedTuple):
    """One frame of a video.

    Attributes:
        motion: motion from the frame that it is made from (the one before, or the photograph).
        visible: surfaces of that frame that are visible.
        geometry: geometry of the frame, with holes filled.
    """

    motion: Motion
    visible: Visible
    geometry: Geometry


def see(geometry: Geometry, motion: Motion, camera: np.ndarray) -> Visible:
    """Finds the nearest surface at each pixel of a new view; points outside it or behind the camera are dropped.

    Args:
        geometry: geometry of the old view.
        motion: motion from the old camera to the new one.
        camera: (3,3) K of both cameras.
    """
    if geometry.actor is None or motion.actor is None:
        return Visible(_splat(geometry.depth, motion.scene, camera))
    zero = np.float32(0)
    scene = _splat(np.where(geometry.actor, zero, geometry.depth), motion.scene, camera)
    actor = _splat(np.where(geometry.actor, geometry.depth, zero), motion.actor, camera)
    return Visible(np.maximum(scene, actor), actor > scene)


def follow(start: Geometry, steps: Iterable[Motion], camera: np.ndarray, chained: bool) -> Iterator[Seen]:
    """Yields what each frame of a video shows.

    Args:
        start: geometry of the photograph.
        steps: motion from each frame to the next, the first from the photograph.
        camera: (3,3) K of all frames.
        chained: whether a frame is made from the one before instead of from the photograph.
    """
    origin, motion = start, None
    for step in steps:
        motion = step if chained or motion is None else step.after(motion)
        visible = see(origin, motion, camera)
        # If nothing at all is in view, the void is as far away as the farthest point was.
        geometry = fill_geometry(visible) or Geometry(np.full_like(start.depth, start.depth.max()), visible.actor)
        yield Seen(motion, visible, geometry)
        if chained:
            origin = geometry


def fill_geometry(visible: Visible) -> Geometry | None:
    """Fills holes with the farther surface of their two sides, since what appears from behind an object is background.

    Returns:
        Geometry of the view, or None if nothing at all is in view.
    """
    if not visible.inverse.any():
        return None
    inverse, actor = visible.inverse.copy(), None if visible.actor is None else visible.actor.copy()
    for rows, columns in anchors(inverse):
        if actor is not None:
            reached = rows >= 0
            actor[reached] = actor[rows[reached], columns[reached]]
    return Geometry(1 / inverse, actor)


def motion_field(geometry: Geometry, step: Motion, camera: np.ndarray) -> np.ndarray:
    """Exact optical flow from a frame to the next: the displacement of the surface point that each pixel shows.

    It is the motion of the visible surface everywhere, whether or not the point is still visible in the next frame:
    points that leave the view or become hidden keep their motion, and filled holes move like the background that they
    were filled with.

    Args:
        geometry: geometry of the frame.
        step: motion to the next frame.
        camera: (3,3) K of both frames.

    Returns:
        (H,W,2) float32 pixels, u to the right and v down; 0 where a point ends up behind the camera.
    """
    flow = _displacement(geometry.depth, step.scene, camera)
    if geometry.actor is not None and step.actor is not None:
        flow[geometry.actor] = _displacement(geometry.depth, step.actor, camera)[geometry.actor]
    return flow


def _displacement(depth: np.ndarray, pose: np.ndarray, camera: np.ndarray) -> np.ndarray:
    height, width = depth.shape
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float64), np.arange(height, dtype=np.float64))
    rays = np.stack([columns, rows, np.ones_like(rows)])
    turned = np.tensordot(camera @ pose[:3, :3] @ np.linalg.inv(camera), rays, axes=1)
    there = turned * depth + (camera @ pose[:3, 3])[:, None, None]
    ahead = there[2] > 1e-9 * depth
    there[2, ~ahead] = 1.0
    flow = np.stack([there[0] / there[2] - columns, there[1] / there[2] - rows], axis=-1)
    flow[~ahead] = 0.0
    return flow.astype(np.float32)


def _splat(depth: np.ndarray, pose: np.ndarray, camera: np.ndarray) -> np.ndarray:
    """1/z of the new view (H,W) float32, 0 in holes; points of depth 0 are ignored."""
    x, y, w, inverse = (np.empty(depth.shape, np.float32) for _ in range(4))
    turn = camera @ pose[:3, :3] @ np.linalg.inv(camera)
    project(depth, turn.astype(np.float32), (camera @ pose[:3, 3]).astype(np.float32), x, y, w)
    splat(x, y, w, inverse)
    return inverse

"""Rendering a new view of a photograph with depth (paper Eq. 1): forward warping with a sub-pixel z-test."""

from __future__ import annotations

import numpy as np

from i2vadapt.errors import UserError
from i2vadapt.synthesis.geometry import Geometry, Motion, Visible, see
from i2vadapt.synthesis.sampling import sample, spline_coefficients

# Depth is processed in single precision.
_SMALLEST, _LARGEST = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)


def render_view(
    image: np.ndarray, depth: np.ndarray, pose: np.ndarray, camera: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Renders an image from another viewpoint (paper Eq. 1, p' ~ K T D(p) K^-1 p).

    The points are warped forward and the nearest one at each pixel is kept; its colour is then sampled from the image
    at the exact position that the pixel comes from. Points outside the view or behind the camera are dropped.

    Args:
        image: (H,W,3) uint8.
        depth: (H,W) floating point, positive.
        pose: (4,4), X' = R X + t.
        camera: (3,3) K; pixel centres are at integer coordinates.

    Returns:
        view (H,W,3) uint8, black in holes, and mask (H,W) bool, False in holes.

    Raises:
        UserError: if an argument has another shape or type, or depth or pose contain impossible values.
    """
    _check(image, depth, pose, camera)
    motion = Motion(pose)
    visible = see(Geometry(depth.astype(np.float32, copy=False)), motion, camera)
    return paint(spline_coefficients(image), visible, motion, camera), visible.inverse > 0


def paint(coefficients: np.ndarray, visible: Visible, motion: Motion, camera: np.ndarray) -> np.ndarray:
    """Colours of the surfaces in a new view.

    Args:
        coefficients: spline coefficients of the old view, from `spline_coefficients`.
        visible: result of `see`.
        motion: the motion given to `see`.
        camera: (3,3) K of both views.

    Returns:
        (H,W,3) uint8, black in holes.
    """
    view = np.zeros((*visible.inverse.shape, 3), np.uint8)
    if visible.actor is None or motion.actor is None:
        _sample(coefficients, visible.inverse, motion.scene, camera, view)
        return view
    zero = np.float32(0)
    _sample(coefficients, np.where(visible.actor, zero, visible.inverse), motion.scene, camera, view)
    _sample(coefficients, np.where(visible.actor, visible.inverse, zero), motion.actor, camera, view)
    return view


def _sample(coefficients: np.ndarray, w: np.ndarray, pose: np.ndarray, camera: np.ndarray, view: np.ndarray) -> None:
    turned_back = camera @ pose[:3, :3].T
    back, origin = turned_back @ np.linalg.inv(camera), turned_back @ pose[:3, 3]
    sample(coefficients, w, back.astype(np.float32), origin.astype(np.float32), view)


def _check(image: np.ndarray, depth: np.ndarray, pose: np.ndarray, camera: np.ndarray) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise UserError(f"image: must be uint8 of shape (H, W, 3), not {image.dtype} of shape {image.shape}")
    if depth.shape != image.shape[:2]:
        raise UserError(f"depth: must have the shape of the image, {image.shape[:2]}, not {depth.shape}")
    # A comparison with NaN is false.
    if not (depth.min() >= _SMALLEST and depth.max() <= _LARGEST):
        raise UserError("depth: must be finite and greater than 0 everywhere")
    if pose.shape != (4, 4) or not np.isfinite(pose).all():
        raise UserError(f"pose: must be a finite 4x4 matrix, not of shape {pose.shape}")
    if not np.allclose(pose[:3, :3] @ pose[:3, :3].T, np.eye(3), atol=1e-4):
        raise UserError("pose: its upper left 3x3 part must be a rotation")
    if camera.shape != (3, 3) or not np.isfinite(camera).all() or not np.array_equal(camera[2], (0, 0, 1)):
        raise UserError("camera: must be a finite 3x3 matrix whose last row is 0, 0, 1")
    if not abs(np.linalg.det(camera)) > 0:
        raise UserError("camera: must be an invertible matrix")

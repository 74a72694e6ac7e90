"""A new view of a photograph with depth (paper Eq. 1): forward warping with a true z-test at sub-pixel positions."""

from __future__ import annotations

import cv2
import numpy as np

from i2vadapt.errors import UserError
from i2vadapt.synthesis.sampling import sample, spline_coefficients
from i2vadapt.synthesis.splatting import extend_background, project, splat

_INPAINT_RADIUS = 3


def render_view(
    image: np.ndarray, depth: np.ndarray, pose: np.ndarray, camera: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Shows an image from another place (paper Eq. 1, p' ~ K T D(p) K^-1 p).

    The points go forward, the nearest at each pixel is kept, and its colour is read from the image at the exact
    position the pixel comes from. Points that leave the view or lie behind the camera are dropped.

    Args:
        image: (H,W,3) uint8.
        depth: (H,W) floating point, positive.
        pose: (4,4), X' = R X + t.
        camera: (3,3) K; pixel centres are at integer coordinates.

    Returns:
        view (H,W,3) uint8, black in holes, and mask (H,W) bool, False in holes.

    Raises:
        UserError: if an argument has another shape or kind, or depth or pose hold impossible values.
    """
    depth = _check(image, depth, pose, camera)
    return _render(image, depth, pose, camera)[:2]


def render_view_with_depth(
    image: np.ndarray, depth: np.ndarray, pose: np.ndarray, camera: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Like `render_view`, with the depth of the new view, so that views can be chained without estimating it anew.

    Returns:
        view, mask, and depth (H,W) float32. Holes take the farther depth of their two sides, since what appears from
        behind an object is background; where nothing at all is in view, the largest depth.
    """
    depth = _check(image, depth, pose, camera)
    view, mask, inverse = _render(image, depth, pose, camera)
    if not mask.any():
        return view, mask, np.full(mask.shape, depth.max(), np.float32)
    extend_background(inverse)
    extend_background(inverse)  # the corners, whose rows and columns were both empty
    return view, mask, (1.0 / inverse).astype(np.float32)


def fill_holes(view: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Inpaints the holes of a view (Telea 2004, radius 3).

    Args:
        view: (H,W,3) uint8.
        mask: (H,W) bool, False in holes.

    Returns:
        (H,W,3) uint8, equal to the view where the mask is True. A view without a single valid pixel comes back as it
        is.
    """
    if mask.all() or not mask.any():
        return view.copy()
    return cv2.inpaint(view, (~mask).astype(np.uint8), _INPAINT_RADIUS, cv2.INPAINT_TELEA)


def _check(image: np.ndarray, depth: np.ndarray, pose: np.ndarray, camera: np.ndarray) -> np.ndarray:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise UserError(f"image: must be uint8 of shape (H, W, 3), not {image.dtype} of shape {image.shape}")
    if depth.shape != image.shape[:2]:
        raise UserError(f"depth: its shape {depth.shape} must be that of the image, {image.shape[:2]}")
    values = depth.astype(np.float64)
    if not (np.isfinite(values).all() and (values > 0).all()):
        raise UserError("depth: must be finite and greater than 0 everywhere")
    if pose.shape != (4, 4) or not np.isfinite(pose).all():
        raise UserError(f"pose: must be a finite 4x4 matrix, not of shape {pose.shape}")
    if not np.allclose(pose[:3, :3] @ pose[:3, :3].T, np.eye(3), atol=1e-4):
        raise UserError("pose: its upper left 3x3 part must be a rotation")
    if camera.shape != (3, 3) or not np.isfinite(camera).all() or not np.array_equal(camera[2], (0, 0, 1)):
        raise UserError("camera: must be a finite 3x3 matrix whose last row is 0, 0, 1")
    if not abs(np.linalg.det(camera)) > 0:
        raise UserError("camera: the matrix can't be inverted")
    return values


def _render(
    image: np.ndarray, depth: np.ndarray, pose: np.ndarray, camera: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """View, mask, and 1/z of the view with 0 in holes."""
    rotation, translation = pose[:3, :3], pose[:3, 3]
    uncamera = np.linalg.inv(camera)
    x, y, w = np.empty(depth.shape, np.float32), np.empty(depth.shape, np.float32), np.empty(depth.shape)
    project(depth, camera @ rotation @ uncamera, camera @ translation, x, y, w)
    inverse = np.empty(depth.shape)
    splat(x, y, w, inverse)
    view = np.zeros(image.shape, np.uint8)
    back = camera @ rotation.T @ uncamera
    sample(spline_coefficients(image), inverse, back, camera @ rotation.T @ translation, view)
    return view, inverse > 0, inverse

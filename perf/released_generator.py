"""The released generator's arithmetic, reimplemented from its description for comparison.

The position of a point is truncated to whole pixels and moved to the nearest pixel of the view if it is outside. The
depth of a pixel is overwritten by every point that lands there, even by a farther one. Pixels that no point reaches are
inpainted (Telea, radius 3), and each frame is compressed to JPEG before the next one is made from it.
"""

from __future__ import annotations

import cv2
import numpy as np
from numba import njit

_VOID = 1000.0  # depth of a pixel before a point lands there


@njit(cache=True)
def _scatter(x: np.ndarray, y: np.ndarray, z: np.ndarray, image: np.ndarray, view: np.ndarray, hit: np.ndarray) -> None:
    stored = np.full(z.shape, _VOID)
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            row, column = y[i, j], x[i, j]
            hit[row, column] = True
            if z[i, j] < stored[row, column]:
                view[row, column] = image[i, j]
            stored[row, column] = z[i, j]


def warp(image: np.ndarray, depth: np.ndarray, pose: np.ndarray, camera: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns a view before inpainting, (H,W,3) uint8, and the mask of pixels that a point reached, (H,W) bool."""
    height, width = depth.shape
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    pixels = np.stack([columns, rows, np.ones_like(rows)]).reshape(3, -1).astype(np.float64)
    points = np.linalg.pinv(camera) @ pixels * depth.reshape(1, -1)
    there = camera @ (pose[:3, :3] @ points + pose[:3, 3:])
    places = np.trunc(there[:2] / (there[2] + 1e-7)).astype(np.int64)
    x = np.clip(places[0], 0, width - 1).reshape(depth.shape)
    y = np.clip(places[1], 0, height - 1).reshape(depth.shape)
    view, hit = np.zeros_like(image), np.zeros(depth.shape, np.bool_)
    _scatter(x, y, there[2].reshape(depth.shape), image, view, hit)
    return view, hit


def next_frame(image: np.ndarray, depth: np.ndarray, pose: np.ndarray, camera: np.ndarray) -> np.ndarray:
    """Returns the next frame, as decoded from its JPEG."""
    view, hit = warp(image, depth, pose, camera)
    view = cv2.inpaint(view, (~hit).astype(np.uint8), 3, cv2.INPAINT_TELEA)
    return cv2.imdecode(cv2.imencode(".jpg", view, [cv2.IMWRITE_JPEG_QUALITY, 95])[1], cv2.IMREAD_COLOR)

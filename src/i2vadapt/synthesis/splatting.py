"""Compiled kernels that move points to a new view and find the visible surface there.

Points carry w = 1/z, because over a plane w is affine in image coordinates, and parallax is proportional to it.
"""

from __future__ import annotations

import numpy as np

from i2vadapt.runtime.kernels import inlined, kernel

# A point covers the cell between its neighbours; this margin closes seams that rounding would leave between cells,
# pixels.
_SEAM = np.float32(0.02)
SAME_SURFACE = np.float32(0.05)
"""Two points belong to the same surface if their 1/z differ by less than this share."""
# Pixels; a surface that is magnified by more than twice this in one step is torn.
_LARGEST_HALF_SIZE = np.float32(2.0)


@kernel(fastmath=True)
def project(
    depth: np.ndarray, turn: np.ndarray, shift: np.ndarray, x: np.ndarray, y: np.ndarray, w: np.ndarray
) -> None:
    """Writes the position and 1/z of every pixel in the new view.

    Points behind the camera or well outside of the view, and points of depth 0, get w = 0.

    Args:
        depth: (H,W) float32.
        turn: (3,3) float32, K R K^-1.
        shift: (3,) float32, K t.
        x: (H,W) float32, output.
        y: (H,W) float32, output.
        w: (H,W) float32, output.
    """
    height, width = depth.shape
    zero, one = np.float32(0.0), np.float32(1.0)
    low, right, bottom = np.float32(-2.0), np.float32(width + 1), np.float32(height + 1)
    for i in range(height):
        down = np.float32(i)
        for j in range(width):
            z, across = depth[i, j], np.float32(j)
            c = z * (turn[2, 0] * across + turn[2, 1] * down + turn[2, 2]) + shift[2]
            inverse = one / c if c > np.float32(1e-9) * z else zero
            px = (z * (turn[0, 0] * across + turn[0, 1] * down + turn[0, 2]) + shift[0]) * inverse
            py = (z * (turn[1, 0] * across + turn[1, 1] * down + turn[1, 2]) + shift[1]) * inverse
            inside = low <= px <= right and low <= py <= bottom and z > zero
            x[i, j], y[i, j], w[i, j] = px, py, inverse if inside else zero


@kernel(fastmath=True)
def _cells(x: np.ndarray, y: np.ndarray, w: np.ndarray, half_x: np.ndarray, half_y: np.ndarray) -> None:
    """Writes half the extent of each point's cell: the bounding box of the steps to its neighbours on the surface."""
    height, width = w.shape
    zero, one, half = np.float32(0.0), np.float32(1.0), np.float32(0.5)
    for i in range(height):
        below = i + 1 if i + 1 < height else max(i - 1, 0)
        for j in range(width):
            here = w[i, j]
            side = j + 1 if j + 1 < width else max(j - 1, 0)
            across_x, across_y, down_x, down_y = (
                one,
                zero,
                zero,
                one,
            )  # at the edge of a surface, a pixel of the old view
            if abs(w[i, side] - here) < SAME_SURFACE * here and side != j:
                across_x, across_y = abs(x[i, side] - x[i, j]), abs(y[i, side] - y[i, j])
            if abs(w[below, j] - here) < SAME_SURFACE * here and below != i:
                down_x, down_y = abs(x[below, j] - x[i, j]), abs(y[below, j] - y[i, j])
            half_x[i, j] = min(half * (across_x + down_x), _LARGEST_HALF_SIZE)
            half_y[i, j] = min(half * (across_y + down_y), _LARGEST_HALF_SIZE)


@inlined
def _first(position: np.float32, reach: np.float32) -> int:
    return max(int(np.ceil(position - reach)), 0)


@inlined
def _last(position: np.float32, reach: np.float32, size: int) -> int:
    return min(int(np.floor(position + reach)), size - 1)


@kernel(fastmath=True)
def _claim(
    x: np.ndarray, y: np.ndarray, w: np.ndarray, half_x: np.ndarray, half_y: np.ndarray, nearest: np.ndarray
) -> None:
    """Writes the largest 1/z among the cells that cover each pixel's centre."""
    height, width = w.shape
    for i in range(height):
        for j in range(width):
            here, px, py = w[i, j], x[i, j], y[i, j]
            if here <= np.float32(0.0):
                continue
            reach_x, reach_y = half_x[i, j] + _SEAM, half_y[i, j] + _SEAM
            left, right = _first(px, reach_x), _last(px, reach_x, width)
            for row in range(_first(py, reach_y), _last(py, reach_y, height) + 1):
                for column in range(left, right + 1):
                    nearest[row, column] = max(nearest[row, column], here)


@kernel(fastmath=True)
def splat(x: np.ndarray, y: np.ndarray, w: np.ndarray, out: np.ndarray) -> None:
    """Writes 1/z of the new view in two passes: the nearest surface at each pixel, then the mean of its points.

    In the first pass a point claims the pixels whose centres are inside its cell. Cells tile a surface at any
    magnification, so the background can't shine through; and they do not extend beyond its edge, so an object neither
    grows nor shrinks over a long chain of views. In the second pass points are spread bilinearly, and only points of
    the nearest surface contribute.

    Args:
        x: (H,W) float32, columns of the points.
        y: (H,W) float32, rows of the points.
        w: (H,W) float32 1/z, 0 for points to drop.
        out: (H,W) float32, output; 0 in holes.
    """
    height, width = w.shape
    zero, one, two = np.float32(0.0), np.float32(1.0), np.float32(2.0)
    half_x, half_y = np.empty((height, width), np.float32), np.empty((height, width), np.float32)
    nearest, total = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    out[:] = zero
    _cells(x, y, w, half_x, half_y)
    _claim(x, y, w, half_x, half_y, nearest)
    for i in range(height):
        for j in range(width):
            here, px, py = w[i, j], x[i, j], y[i, j]
            if here <= zero:
                continue
            # Bilinear, unless the cell is so large that it covers pixels which bilinear weights would miss.
            reach_x = one if half_x[i, j] < np.float32(0.9) else two * half_x[i, j]
            reach_y = one if half_y[i, j] < np.float32(0.9) else two * half_y[i, j]
            left, right = _first(px, reach_x), _last(px, reach_x, width)
            rx, ry = one / reach_x, one / reach_y
            for row in range(_first(py, reach_y), _last(py, reach_y, height) + 1):
                weight_y = one - abs(py - np.float32(row)) * ry
                for column in range(left, right + 1):
                    front = nearest[row, column]
                    if abs(here - front) < front * SAME_SURFACE:
                        weight = weight_y * (one - abs(px - np.float32(column)) * rx)
                        total[row, column] += weight
                        out[row, column] += weight * here
    for i in range(height):
        for j in range(width):
            if total[i, j] > zero:
                out[i, j] /= total[i, j]

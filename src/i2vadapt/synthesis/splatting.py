"""Compiled kernels of the renderer: forward warping of points, and depth for the holes that they leave.

Points carry w = 1/z, since w is affine in image coordinates over a plane and is what parallax is proportional to.
"""

from __future__ import annotations

import numpy as np
from numba import njit

# A point covers the cell between its neighbours; this closes seams that rounding would leave between cells, in pixels.
_SEAM = 0.02
# Neighbouring points are one surface, and points of one pixel are averaged, when their 1/z differ by less than this
# share.
_SAME_SURFACE = 0.05
# A surface seen at more than 2 * this magnification in one step is torn, pixels.
_LARGEST_HALF_SIZE = 2.0


@njit(cache=True, nogil=True)
def project(
    depth: np.ndarray, turn: np.ndarray, shift: np.ndarray, x: np.ndarray, y: np.ndarray, w: np.ndarray
) -> None:
    """Writes the position and 1/z of every pixel in the new view.

    Points behind the camera or well outside of the view get w = 0.

    Args:
        depth: (H,W) float64.
        turn: (3,3) K R K^-1.
        shift: (3,) K t.
        x: (H,W) float32, output.
        y: (H,W) float32, output.
        w: (H,W) float64, output.
    """
    height, width = depth.shape
    for i in range(height):
        for j in range(width):
            z = depth[i, j]
            c = z * (turn[2, 0] * j + turn[2, 1] * i + turn[2, 2]) + shift[2]
            if c <= 1e-9 * z:
                w[i, j] = 0.0
                continue
            px = (z * (turn[0, 0] * j + turn[0, 1] * i + turn[0, 2]) + shift[0]) / c
            py = (z * (turn[1, 0] * j + turn[1, 1] * i + turn[1, 2]) + shift[1]) / c
            inside = -2.0 <= px <= width + 1.0 and -2.0 <= py <= height + 1.0
            x[i, j], y[i, j], w[i, j] = px, py, 1.0 / c if inside else 0.0


@njit(cache=True, nogil=True)
def _cells(x: np.ndarray, y: np.ndarray, w: np.ndarray, half_x: np.ndarray, half_y: np.ndarray) -> None:
    """Writes half the extents of each point's cell: the box around the steps to its neighbours on the same surface."""
    height, width = w.shape
    for i in range(height):
        for j in range(width):
            here = w[i, j]
            if here <= 0.0:
                continue
            side = j + 1 if j + 1 < width else max(j - 1, 0)
            below = i + 1 if i + 1 < height else max(i - 1, 0)
            across_x, across_y, down_x, down_y = 1.0, 0.0, 0.0, 1.0  # at the edge of a surface, a pixel of the old view
            if abs(w[i, side] - here) < _SAME_SURFACE * here and side != j:
                across_x, across_y = abs(x[i, side] - x[i, j]), abs(y[i, side] - y[i, j])
            if abs(w[below, j] - here) < _SAME_SURFACE * here and below != i:
                down_x, down_y = abs(x[below, j] - x[i, j]), abs(y[below, j] - y[i, j])
            half_x[i, j] = min(0.5 * (across_x + down_x), _LARGEST_HALF_SIZE)
            half_y[i, j] = min(0.5 * (across_y + down_y), _LARGEST_HALF_SIZE)


@njit(inline="always")
def _first(position: float, reach: float) -> int:
    return max(int(np.ceil(position - reach)), 0)


@njit(inline="always")
def _last(position: float, reach: float, size: int) -> int:
    return min(int(np.floor(position + reach)), size - 1)


@njit(inline="always")
def _spread(half: float) -> float:
    """Reach of a point in the second pass: bilinear unless its cell is so large that it would miss pixels it covers."""
    return 1.0 if half < 0.9 else 2.0 * half


@njit(cache=True, nogil=True)
def splat(x: np.ndarray, y: np.ndarray, w: np.ndarray, out: np.ndarray) -> None:
    """Writes 1/z of the new view in two passes over the points: the nearest at a pixel, then the mean of its surface.

    In the first pass a point claims the pixels whose centres lie in its own cell. Cells tile a surface, whatever its
    magnification, so the background can't shine through; and they don't overhang its edge, so an object neither grows
    nor shrinks over a long chain of views. In the second pass points spread bilinearly and only those of the nearest
    surface have a say.

    Args:
        x: (H,W) float32 positions.
        y: (H,W) float32 positions.
        w: (H,W) float64 1/z, 0 where a point is to be dropped.
        out: (H,W) float64, output; 0 where there is a hole.
    """
    height, width = w.shape
    half_x, half_y = np.empty((height, width), np.float32), np.empty((height, width), np.float32)
    nearest, total = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    out[:] = 0.0
    _cells(x, y, w, half_x, half_y)
    for i in range(height):
        for j in range(width):
            here, px, py = w[i, j], x[i, j], y[i, j]
            if here <= 0.0:
                continue
            reach_x, reach_y = half_x[i, j] + _SEAM, half_y[i, j] + _SEAM
            for row in range(_first(py, reach_y), _last(py, reach_y, height) + 1):
                for column in range(_first(px, reach_x), _last(px, reach_x, width) + 1):
                    nearest[row, column] = max(nearest[row, column], here)
    for i in range(height):
        for j in range(width):
            here, px, py = w[i, j], x[i, j], y[i, j]
            if here <= 0.0:
                continue
            reach_x, reach_y = _spread(half_x[i, j]), _spread(half_y[i, j])
            for row in range(_first(py, reach_y), _last(py, reach_y, height) + 1):
                weight_y = 1.0 - abs(py - row) / reach_y
                for column in range(_first(px, reach_x), _last(px, reach_x, width) + 1):
                    front = nearest[row, column]
                    if abs(here - front) < front * _SAME_SURFACE:
                        weight = weight_y * (1.0 - abs(px - column) / reach_x)
                        total[row, column] += weight
                        out[row, column] += weight * here
    for i in range(height):
        for j in range(width):
            if total[i, j] > 0.0:
                out[i, j] /= total[i, j]


@njit(cache=True, nogil=True)
def _fill_runs(w: np.ndarray, fill: np.ndarray, length: np.ndarray) -> None:
    """For each run of zeros in a row, writes the smaller of its two end values and its length; a row of zeros stays."""
    height, width = w.shape
    for i in range(height):
        before, j = 0.0, 0
        while j < width:
            if w[i, j] > 0.0:
                before = w[i, j]
                j += 1
                continue
            end = j
            while end < width and w[i, end] <= 0.0:
                end += 1
            after = w[i, end] if end < width else 0.0
            if before > 0.0 or after > 0.0:
                fill[i, j:end] = min(before, after) if before > 0.0 and after > 0.0 else max(before, after)
                length[i, j:end] = end - j
            j = end


@njit(cache=True, nogil=True)
def extend_background(w: np.ndarray) -> None:
    """Fills holes, in place, with the farther of the two ends of the row or column of holes they are in.

    The shorter of row and column decides: across a gap beside an object that is the way from object to background, at
    the border of the view it is the way straight inwards. What neither reaches stays; a second call reaches it.

    Args:
        w: (H,W) float64 1/z, 0 in holes, greater than 0 at least once.
    """
    height, width = w.shape
    by_row, row_length = np.zeros((height, width)), np.full((height, width), height + width)
    by_column, column_length = np.zeros((width, height)), np.full((width, height), height + width)
    _fill_runs(w, by_row, row_length)
    _fill_runs(np.ascontiguousarray(w.T), by_column, column_length)
    for i in range(height):
        for j in range(width):
            if w[i, j] <= 0.0:
                w[i, j] = by_row[i, j] if row_length[i, j] <= column_length[j, i] else by_column[j, i]

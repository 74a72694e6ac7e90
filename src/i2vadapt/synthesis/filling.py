"""Filling the holes of a view: areas that an object has uncovered, or that have come into view at the borders.

A hole pixel belongs to a run of hole pixels along its row or its column, whichever is shorter: across a gap beside an
object it leads from object to background, at the border of the view straight inwards. Its anchor is the farther of the
run's two ends, since what appears from behind an object is background. Depth is continued from the anchor; colours are
mirrored there, which keeps texture where repeating the anchor's colour would leave streaks.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from i2vadapt.runtime.kernels import kernel
from i2vadapt.synthesis.splatting import SAME_SURFACE

_SOFTNESS = 2.0  # standard deviation of the blur, pixels
_FULLY_SOFT = 4.0  # distance from visible pixels at which the blur is full, pixels
_SHORT = 4  # runs up to this part of the longer side are filled first


@kernel()
def _anchor_runs(w: np.ndarray, anchor: np.ndarray, length: np.ndarray) -> None:
    """Writes the column of the farther end and the length of each run of zeros in a row; skips rows of only zeros."""
    height, width = w.shape
    for i in range(height):
        j = 0
        while j < width:
            if w[i, j] > 0.0:
                j += 1
                continue
            start = j
            while j < width and w[i, j] <= 0.0:
                j += 1
            if start == 0 and j == width:
                continue
            left_is_farther = j == width or (start > 0 and w[i, start - 1] <= w[i, j])
            anchor[i, start:j] = start - 1 if left_is_farther else j
            length[i, start:j] = j - start


@kernel()
def _find_anchors(w: np.ndarray, longest: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns (H,W) int32 of the anchors; -1 outside of holes and where both runs exceed `longest`."""
    height, width = w.shape
    rows, columns = np.full((height, width), -1, np.int32), np.full((height, width), -1, np.int32)
    by_row, row_length = np.full((height, width), -1, np.int32), np.full((height, width), height + width, np.int32)
    by_column, column_length = (
        np.full((width, height), -1, np.int32),
        np.full((width, height), height + width, np.int32),
    )
    _anchor_runs(w, by_row, row_length)
    _anchor_runs(np.ascontiguousarray(w.T), by_column, column_length)
    for i in range(height):
        for j in range(width):
            if min(row_length[i, j], column_length[j, i]) > longest:
                continue
            if by_row[i, j] >= 0 and row_length[i, j] <= column_length[j, i]:
                rows[i, j], columns[i, j] = i, by_row[i, j]
            elif by_column[j, i] >= 0:
                rows[i, j], columns[i, j] = by_column[j, i], j
    return rows, columns


def anchors(w: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields the anchors of holes in rounds; pixels that one round has filled may be anchors in the next.

    Short runs come first: in a corner, a row or column may reach visible pixels only at its other end.

    Args:
        w: (H,W) float32 1/z, 0 in holes; filled in place, unless there is nothing but holes.

    Yields:
        Rows and columns (H,W) int32 of the anchors; -1 where this round fills nothing.
    """
    longest = max(w.shape) // _SHORT
    while w.any() and not w.all():
        rows, columns = _find_anchors(w, longest)
        yield rows, columns
        reached = rows >= 0
        w[reached] = w[rows[reached], columns[reached]]
        longest = max(w.shape)


@kernel()
def _mirror(image: np.ndarray, w: np.ndarray, rows: np.ndarray, columns: np.ndarray, filled: np.ndarray) -> None:
    """Writes the colours of holes, mirrored at their anchors and mirrored back wherever the anchor's surface ends."""
    height, width = w.shape
    for i in range(height):
        for j in range(width):
            y, x = rows[i, j], columns[i, j]
            if y < 0:
                continue
            step_y, step_x = np.sign(y - i), np.sign(x - j)
            distance = abs(y - i) + abs(x - j) - 1
            # The other end of the run: beside an object only the background is mirrored, at the border everything.
            far_y, far_x = i - step_y, j - step_x
            while 0 <= far_y < height and 0 <= far_x < width and w[far_y, far_x] <= 0.0:
                far_y, far_x = far_y - step_y, far_x - step_x
            inside = 0 <= far_y < height and 0 <= far_x < width
            reach, limit = 0, w[y, x] * (1 + SAME_SURFACE) if inside else np.float32(np.inf)
            while reach < distance:
                v, u = y + (reach + 1) * step_y, x + (reach + 1) * step_x
                if not (0 <= v < height and 0 <= u < width) or w[v, u] <= 0.0 or w[v, u] > limit:
                    break
                reach += 1
            if reach > 0:
                distance %= 2 * reach
                distance = min(distance, 2 * reach - distance)
            else:
                distance = 0
            filled[i, j] = image[y + distance * step_y, x + distance * step_x]


def mirror_holes(image: np.ndarray, inverse: np.ndarray) -> np.ndarray:
    """Fills the holes of a view by mirroring their background side.

    Args:
        image: (H,W,3) uint8.
        inverse: (H,W) float32 1/z, 0 in holes.

    Returns:
        (H,W,3) uint8, equal to the image elsewhere. An image without a single valid pixel is returned unchanged.
    """
    filled, w = image.copy(), inverse.copy()
    for rows, columns in anchors(w):
        _mirror(filled.copy(), w, rows, columns, filled)
    return filled


def fill_holes(image: np.ndarray, inverse: np.ndarray) -> np.ndarray:
    """Fills the holes of a view with `mirror_holes` and blurs the filled areas.

    Runs of neighbouring rows and columns need not match, and a guess should not look sharper than what is known: on
    rendered scenes the blur gains 0.3 dB over whole frames.

    Args:
        image: (H,W,3) uint8.
        inverse: (H,W) float32 1/z, 0 in holes.

    Returns:
        (H,W,3) uint8, equal to the image elsewhere.
    """
    holes = inverse <= 0
    filled = mirror_holes(image, inverse)
    if not holes.any():
        return filled
    depth = cv2.distanceTransform(holes.astype(np.uint8), cv2.DIST_L2, 3)[holes]
    share = np.minimum(depth / _FULLY_SOFT, 1)[:, None]
    soft = cv2.GaussianBlur(filled, (0, 0), _SOFTNESS)[holes]
    filled[holes] = (1 - share) * filled[holes] + share * soft + 0.5
    return filled

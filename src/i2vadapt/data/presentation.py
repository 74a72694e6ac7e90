"""From a decoded frame to the picture that a player shows: its colours, orientation and shape."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
from av.sidedata.sidedata import Type

_UNSPECIFIED, _BT2020, _BT2020_CONSTANT = 2, 9, 10
_OFF_AXIS = 0.02  # about one degree, the tolerance of the ffmpeg program

Matrix = tuple[int, int, int, int]
"""Linear part (a, b, c, d) of a display matrix: a point (x, y) is shown at (a x + c y, b x + d y)."""


def to_rgb(frame: av.VideoFrame) -> tuple[np.ndarray, str]:
    """Converts a frame to (H,W,3) uint8 RGB by the matrix coefficients that it declares.

    FFmpeg has no conversion for some of them (YCgCo, ICtCp, ...). These frames are converted as the ffmpeg program
    does: constant-luminance BT.2020 as if it were the other kind, others as if nothing were declared (BT.601).

    Returns:
        The picture, and a warning that is empty unless the declared coefficients could not be used.
    """
    try:
        return frame.to_ndarray(format="rgb24"), ""
    except (av.error.FFmpegError, OSError):
        declared = int(frame.colorspace)
        if declared == _UNSPECIFIED:
            raise
    used = _BT2020 if declared == _BT2020_CONSTANT else _UNSPECIFIED
    frame.colorspace = used
    name = "BT.2020 without constant luminance" if used == _BT2020 else "BT.601"
    return frame.to_ndarray(format="rgb24"), f"colours: matrix_coefficients {declared} is not supported, read as {name}"


def display_matrix(frame: av.VideoFrame) -> Matrix:
    """The display matrix of a frame; the identity if it has none, or one that shows nothing."""
    data = frame.side_data.get(Type.DISPLAYMATRIX)
    values = np.frombuffer(bytes(data), np.int32) if data is not None else np.empty(0, np.int32)
    if values.size < 9 or not (values[[0, 1]].any() and values[[3, 4]].any()):
        return 1, 0, 0, 1
    return int(values[0]), int(values[1]), int(values[3]), int(values[4])


def is_transposed(matrix: Matrix) -> bool:
    """Whether a display matrix exchanges rows and columns."""
    a, b, c, d = matrix
    return abs(b) + abs(c) > abs(a) + abs(d)


def is_oblique(matrix: Matrix) -> bool:
    """Whether a display matrix turns by other angles than quarter turns."""
    a, b, c, d = matrix
    straight, across = abs(a) + abs(d), abs(b) + abs(c)
    return min(straight, across) > _OFF_AXIS * max(straight, across)


def turn_upright(image: np.ndarray, matrix: Matrix) -> np.ndarray:
    """Turns and mirrors an image (H,W,C) as its display matrix says; other angles are rounded to quarter turns."""
    a, b, c, d = matrix
    transposed = is_transposed(matrix)
    right, down = (c, b) if transposed else (a, d)
    if transposed:
        image = image.swapaxes(0, 1)
    return np.ascontiguousarray(image[:: -1 if down < 0 else 1, :: -1 if right < 0 else 1])


def shown_width(width: int, aspect: Fraction) -> float:
    """Width at which a player shows an image with pixels of an aspect ratio (width to height) that are not square."""
    return width if aspect == 1 else float(width * aspect)

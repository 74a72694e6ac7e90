"""Linearised brightness constancy of TV-L1 on the CPU: cubic warp of the second image and its derivatives, in one pass.

The warp is OpenCV's INTER_CUBIC with zeros outside the image, but without the rounding of positions to 1/32 pixel in
some versions of OpenCV.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from i2vadapt.flow.fields import DataTerm, Field, State
from i2vadapt.runtime.kernels import inlined, kernel

_BEFORE, _AFTER = 3, 4  # zeros around the image, so that a 4x4 patch beyond its edge needs no special case
_START = np.float32(_BEFORE - 1)  # the patch begins one pixel before the position
_ZERO, _ONE, _TWO, _THREE = (np.float32(number) for number in range(4))
_HALF = np.float32(0.5)
_CUBIC = np.float32(-0.75)
_FLAT = np.float32(1.2e-7)  # squared gradients up to this are too small to divide by, as in OpenCV
# Indices are unsigned: Numba adds wraparound to signed ones, which prevents vectorisation.
_I1, _I2, _I3 = np.uintp(1), np.uintp(2), np.uintp(3)


def with_derivatives(image: Field) -> NDArray[np.float32]:
    """An image and its central differences along x and y, with a border of zeros.

    Args:
        image: (H,W).

    Returns:
        (3,H+7,W+7). At the edges the difference is half the one-sided difference, as in OpenCV's TV-L1.
    """
    height, width = image.shape
    result = np.zeros((3, height + _BEFORE + _AFTER, width + _BEFORE + _AFTER), np.float32)
    _differences(image, result)
    return result


@kernel(fastmath=True, noalias=True)
def _differences(image: Field, result: NDArray[np.float32]) -> None:
    height, width = image.shape
    for y in range(height):
        up, down = max(y - 1, 0), min(y + 1, height - 1)
        for x in range(width):
            left, right = max(x - 1, 0), min(x + 1, width - 1)
            result[0, y + _BEFORE, x + _BEFORE] = image[y, x]
            result[1, y + _BEFORE, x + _BEFORE] = _HALF * (image[y, right] - image[y, left])
            result[2, y + _BEFORE, x + _BEFORE] = _HALF * (image[down, x] - image[up, x])


@inlined
def _cubic(t: np.float32) -> tuple[np.float32, np.float32, np.float32, np.float32]:
    """Weights of the pixels at -1, 0, 1 and 2 for a position t in [0, 1) (Keys 1981)."""
    s = _ONE - t
    first, last = _CUBIC * t * s * s, _CUBIC * s * t * t
    second = ((_CUBIC + _TWO) * t - (_CUBIC + _THREE)) * t * t + _ONE
    return first, second, _ONE - first - second - last, last


@inlined
def _patch_row(image: Field, y: int, x: int, a: tuple[np.float32, ...]) -> np.float32:
    return a[0] * image[y, x] + a[1] * image[y, x + _I1] + a[2] * image[y, x + _I2] + a[3] * image[y, x + _I3]


@inlined
def _patch(image: Field, y: int, x: int, a: tuple[np.float32, ...], b: tuple[np.float32, ...]) -> np.float32:
    upper = b[0] * _patch_row(image, y, x, a) + b[1] * _patch_row(image, y + _I1, x, a)
    return upper + b[2] * _patch_row(image, y + _I2, x, a) + b[3] * _patch_row(image, y + _I3, x, a)


@kernel(fastmath=True, noalias=True)
def linearise(first: Field, second: NDArray[np.float32], state: State, strength: np.float32, data: DataTerm) -> None:
    """Computes the data term around the current flow.

    Args:
        first: (H,W) first image.
        second: (3,H+7,W+7) second image, from `with_derivatives`.
        state: state, of which the flow is used.
        strength: lambda theta.
        data: the result, written in place.
    """
    height, width = first.shape
    image, along_x, along_y = second[0], second[1], second[2]
    end_x, end_y = np.float32(width + _BEFORE), np.float32(height + _BEFORE)
    for row in range(height):
        y = np.uintp(row) + _I1
        for column in range(width):
            x = np.uintp(column) + _I1
            u, v = state.u[y, x], state.v[y, x]
            place_x = min(max(np.float32(np.int32(column)) + u + _START, _ZERO), end_x)
            place_y = min(max(np.float32(np.int32(row)) + v + _START, _ZERO), end_y)
            whole_x, whole_y = np.int32(place_x), np.int32(place_y)
            a, b = _cubic(place_x - np.float32(whole_x)), _cubic(place_y - np.float32(whole_y))
            i, j = np.uintp(whole_y), np.uintp(whole_x)
            gx, gy = _patch(along_x, i, j, a, b), _patch(along_y, i, j, a, b)
            square = gx * gx + gy * gy
            inverse = _ONE / math.sqrt(max(square, _FLAT)) if square > _FLAT else _ZERO
            normal_x, normal_y = gx * inverse, gy * inverse
            residual = (_patch(image, i, j, a, b) - first[row, column]) * inverse
            data.normal_x[y, x], data.normal_y[y, x] = normal_x, normal_y
            data.offset[y, x] = residual - normal_x * u - normal_y * v
            data.limit[y, x] = strength * square * inverse

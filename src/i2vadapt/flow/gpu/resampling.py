"""Levels of the pyramid, and the data term around the current flow: one thread for each pixel, a row of a pair a block.

All follow OpenCV's TV-L1: linear interpolation between the levels, a cubic warp with zeros outside the image.
"""

from __future__ import annotations

import math
from typing import Any

from numba import cuda, float32, int32, int64

from i2vadapt.flow.gpu.fields import FLOW, on_device

_CUBIC = float32(-0.75)
_FLAT = float32(1.2e-7)  # squared gradients up to this are too small to divide by, as in OpenCV


@on_device
def _between(place: float, length: int) -> tuple[int, int, float]:
    """The pixels before and after a position, which is moved inside the image, and the weight of the second."""
    place = min(max(place, float32(0)), float32(length - 1))
    before = int32(place)
    return before, min(before + 1, length - 1), place - float32(before)


@on_device
def _linear(image: Any, y: float, x: float) -> float:
    top, bottom, b = _between(y, image.shape[0])
    left, right, a = _between(x, image.shape[1])
    upper = image[top, left] + a * (image[top, right] - image[top, left])
    lower = image[bottom, left] + a * (image[bottom, right] - image[bottom, left])
    return upper + b * (lower - upper)


@cuda.jit
def clear(changes: Any) -> None:
    """Sets the table of changes (slots,N) to 0, to which each launch adds."""
    k, batch = cuda.grid(1), changes.shape[1]
    if k < changes.size:
        changes[k // batch, k % batch] = 0


@cuda.jit
def to_float(images: Any, result: Any) -> None:
    """Converts uint8 images (2,N,H,W) to float32."""
    x = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    y, n = cuda.blockIdx.y, cuda.blockIdx.z
    if x < result.shape[3]:
        for k in range(2):
            result[k, n, y, x] = float32(images[k, n, y, x])


@cuda.jit
def shrink(fine: Any, coarse: Any, scale: float) -> None:
    """Resamples images (2,N,H,W) to a coarser level; `scale` is the ratio of the sizes before they were rounded."""
    x = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    y, n = cuda.blockIdx.y, cuda.blockIdx.z
    if x < coarse.shape[3]:
        for k in range(2):
            at_y, at_x = (y + 0.5) / scale - 0.5, (x + 0.5) / scale - 0.5
            coarse[k, n, y, x] = _linear(fine[k, n], float32(at_y), float32(at_x))


@cuda.jit
def differentiate(images: Any, derivatives: Any) -> None:
    """Central differences (2,N,H,W) of the second images along x and y; at the edges, half the one-sided difference."""
    x = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    y, n = cuda.blockIdx.y, cuda.blockIdx.z
    height, width = images.shape[2], images.shape[3]
    if x < width:
        image = images[1, n]
        left, right = image[y, max(x - 1, 0)], image[y, min(x + 1, width - 1)]
        above, below = image[max(y - 1, 0), x], image[min(y + 1, height - 1), x]
        derivatives[0, n, y, x] = float32(0.5) * (right - left)
        derivatives[1, n, y, x] = float32(0.5) * (below - above)


@cuda.jit
def start_level(coarse: Any, old: Any, flow: Any, dual: Any, new: Any, factor: float, is_coarsest: bool) -> None:
    """Fills buffer 0 of a level: flow from the coarser level, dual variables of 0.

    Args:
        coarse: flow of the coarser level, two buffers (2,2,N,h,w).
        old: row (N,) of `places` after the coarser level.
        flow: flow of this level, (2,2,N,H,W).
        dual: dual variables of this level, (2,4,N,H,W).
        new: row (N,) of `places` for this level.
        factor: factor of the flow's length from the coarser level to this one.
        is_coarsest: whether there is no coarser level, and flow starts from 0.
    """
    x = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    y, n = cuda.blockIdx.y, cuda.blockIdx.z
    height, width = flow.shape[3], flow.shape[4]
    if x == 0 and y == 0:
        new[n] = 0
    if x < width:
        buffer = int64(old[n]) & FLOW
        at_y = (y + 0.5) * coarse.shape[3] / height - 0.5
        at_x = (x + 0.5) * coarse.shape[4] / width - 0.5
        for part in range(2):
            value = float32(0)
            if not is_coarsest:
                value = factor * _linear(coarse[buffer, part, n], float32(at_y), float32(at_x))
            flow[0, part, n, y, x] = value
        for part in range(4):
            dual[0, part, n, y, x] = float32(0)


@on_device
def _cubic(t: float) -> tuple[float, float, float, float]:
    """Weights of the pixels at -1, 0, 1 and 2 for a position t in [0, 1) (Keys 1981)."""
    s = float32(1) - t
    first, last = _CUBIC * t * s * s, _CUBIC * s * t * t
    second = ((_CUBIC + float32(2)) * t - (_CUBIC + float32(3))) * t * t + float32(1)
    return first, second, float32(1) - first - second - last, last


@cuda.jit(fastmath=True)
def linearise(images: Any, derivatives: Any, flow: Any, places: Any, strength: float, data: Any) -> None:
    """Computes the data term around the current flow.

    Args:
        images: (2,N,H,W).
        derivatives: of the second images, (2,N,H,W).
        flow: two buffers (2,2,N,H,W).
        places: row (N,) of the table.
        strength: lambda theta.
        data: the result (4,N,H,W); see `flow.fields.DataTerm`.
    """
    x = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    y, n = cuda.blockIdx.y, cuda.blockIdx.z
    height, width = images.shape[2], images.shape[3]
    if x >= width:
        return
    buffer = int64(places[n]) & FLOW
    u, v = flow[buffer, 0, n, y, x], flow[buffer, 1, n, y, x]
    # Farther out all is 0; the limits keep the positions in the range of integers.
    at_x = min(max(float32(x) + u, float32(-4)), float32(width + 4))
    at_y = min(max(float32(y) + v, float32(-4)), float32(height + 4))
    left, top = math.floor(at_x), math.floor(at_y)
    a, b = _cubic(at_x - float32(left)), _cubic(at_y - float32(top))
    value, gx, gy = float32(0), float32(0), float32(0)
    for i in range(4):
        row = int32(top) - 1 + i
        if 0 <= row < height:
            for j in range(4):
                column = int32(left) - 1 + j
                if 0 <= column < width:
                    weight = b[i] * a[j]
                    value += weight * images[1, n, row, column]
                    gx += weight * derivatives[0, n, row, column]
                    gy += weight * derivatives[1, n, row, column]
    square = gx * gx + gy * gy
    inverse = float32(1) / math.sqrt(max(square, _FLAT)) if square > _FLAT else float32(0)
    normal_x, normal_y = gx * inverse, gy * inverse
    data[0, n, y, x], data[1, n, y, x] = normal_x, normal_y
    data[2, n, y, x] = (value - images[0, n, y, x]) * inverse - normal_x * u - normal_y * v
    data[3, n, y, x] = strength * square * inverse

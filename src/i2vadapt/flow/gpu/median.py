"""Median filter of the flow, on tiles in shared memory, with minima and maxima alone."""

from __future__ import annotations

from functools import cache
from typing import Any

from numba import cuda, float32, int64

from i2vadapt.flow.gpu.fields import FLOW, is_active, on_device

ACROSS, DOWN = 32, 8  # threads of a block, one for each pixel


@on_device
def _exchange(values: Any, low: int, high: int) -> None:
    a, b = values[low], values[high]
    values[low], values[high] = min(a, b), max(a, b)


@on_device
def _sort(values: Any, start: int, step: int) -> None:
    """Sorts five values in nine exchanges."""
    a, b, c, d, e = start, start + step, start + 2 * step, start + 3 * step, start + 4 * step
    _exchange(values, a, b)
    _exchange(values, d, e)
    _exchange(values, c, e)
    _exchange(values, c, d)
    _exchange(values, a, d)
    _exchange(values, a, c)
    _exchange(values, b, e)
    _exchange(values, b, d)
    _exchange(values, b, c)


@on_device
def _to_the_ends(values: Any, count: int) -> None:
    """Moves the smallest of the first values to the front and the largest to the back of them."""
    for k in range(1, count):
        _exchange(values, 0, k)
    for k in range(1, count - 1):
        _exchange(values, k, count - 1)


@on_device
def _median(values: Any, count: int) -> float:
    """Median of an odd number of values: among any half of them plus two, the smallest and the largest can't be it."""
    half = count // 2 + 2
    for kept in range(half, 2, -1):
        _to_the_ends(values, kept)
        if kept > 3:
            values[0] = values[2 * half - kept]
    return values[1]


@on_device
def _median_of_25(table: Any, values: Any) -> float:
    """Median of 25 values whose columns (values k, k + 5, …) ascend; `values` is room for 13.

    When the rows ascend too, entry (i, j) is no smaller than (i + 1)(j + 1) entries and no larger than (5 - i)(5 - j),
    itself included. Where one of these is more than 13, it can't be the median. Of the others as many are smaller as
    are larger, so that the median of the 13 that are left is the median of all.
    """
    for row in range(5):
        _sort(table, 5 * row, 1)
    values[0], values[1], values[2], values[3] = table[3], table[4], table[7], table[8]
    values[4], values[5], values[6], values[7] = table[9], table[11], table[12], table[13]
    values[8], values[9], values[10], values[11] = table[15], table[16], table[17], table[20]
    values[12] = table[21]
    return _median(values, 13)


@cache
def median_kernel(size: int) -> Any:
    """The kernel `smooth`, for blocks of (ACROSS, DOWN) threads and a grid of (tiles across, tiles down, 2 N).

    Its arguments:
        flow: (2,2,N,H,W) float32; two buffers of u and v.
        changes, places, slot, is_first, enough: see `iterations.iterate`.

    Args:
        size: side of the neighbourhood, 3 or 5 pixels; outside the image the edge pixels are repeated.
    """
    reach = size // 2
    rows, columns = DOWN + 2 * reach, ACROSS + 2 * reach
    count = size * size

    @cuda.jit(fastmath=True)
    def smooth(flow: Any, changes: Any, places: Any, slot: int, is_first: bool, enough: float) -> None:
        tile = cuda.shared.array((rows, columns), float32)
        ordered = cuda.shared.array((size, DOWN, columns), float32)
        column = cuda.local.array(size, float32)
        table = cuda.local.array(count, float32)
        values = cuda.local.array(13, float32)

        tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
        pair, part = cuda.blockIdx.z // 2, cuda.blockIdx.z % 2
        place = int64(places[slot - 1, pair])
        active = is_active(changes, slot, pair, is_first, enough)
        left, up = cuda.blockIdx.x * ACROSS, cuda.blockIdx.y * DOWN
        if left + tx == 0 and up + ty == 0 and part == 0:
            places[slot, pair] = place ^ FLOW if active else place
            changes[slot, pair] = changes[slot - 1, pair]  # active or not, the pair stays so for what follows
        if not active:
            return
        buffer = place & FLOW
        height, width = flow.shape[3], flow.shape[4]
        for k in range(ty * ACROSS + tx, rows * columns, ACROSS * DOWN):
            y = min(max(up - reach + k // columns, 0), height - 1)
            x = min(max(left - reach + k % columns, 0), width - 1)
            tile[k // columns, k % columns] = flow[buffer, part, pair, y, x]
        cuda.syncthreads()
        # Each sorted column is shared by the neighbourhoods of several pixels.
        for x in range(tx, columns, ACROSS):
            for k in range(size):
                column[k] = tile[ty + k, x]
            if size == 5:
                _sort(column, 0, 1)
            for k in range(size):
                ordered[k, ty, x] = column[k]
        cuda.syncthreads()
        if up + ty < height and left + tx < width:
            for i in range(size):
                for j in range(size):
                    table[i * size + j] = ordered[i, ty, tx + j]
            median = _median_of_25(table, values) if size == 5 else _median(table, 9)
            flow[1 - buffer, part, pair, up + ty, left + tx] = median

    return smooth

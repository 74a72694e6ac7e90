"""Iterations of TV-L1 (Zach et al. 2007, Eqs. 12-15) on tiles that stay in registers for several iterations.

An iteration needs the dual variables of the pixel to the left and above, and the new flow of the pixel to the right and
below. A tile that is larger than its output by a pixel on each side for each iteration can therefore be iterated
without its neighbours: all fields are read and written once for all iterations, at the cost of computing borders
twice.

Each thread holds `ROWS` x `COLUMNS` pixels. What its neighbours need of them goes through shared memory: the flow of
its left column and top row, and the dual variables of its right column and bottom row.

Measured on an H200: 0.9 us for an iteration of a 340x256 image, where a pass over the device's memory per iteration
would take 1.3 us. Two blocks of 256 threads at once are 8 % faster than one of 512, whose tiles have less border. Dual
variables in float16 save 5 %, and triple the distance from the flow of numba; they stay float32.
"""

from __future__ import annotations

import math
from typing import Any

from numba import boolean, config, cuda, float32, int64, uint64

from i2vadapt.flow.gpu.fields import DUAL, FLOW, UNIT, is_active, on_device
from i2vadapt.flow.pyramid import SWEEP

ROWS, COLUMNS = 4, 2  # pixels of a thread: 80 of its registers
ACROSS, DOWN = 32, 8  # threads of a block; `DOWN` is a power of two
THREADS = ACROSS * DOWN
BLOCKS = 2  # blocks that a multiprocessor runs at once, so that one computes while the other waits for memory
PAIR = 2 * COLUMNS  # columns of two fields
HALO = SWEEP
CORE_HEIGHT, CORE_WIDTH = DOWN * ROWS - 2 * HALO, ACROSS * COLUMNS - 2 * HALO  # output of a block, pixels

# A multiprocessor has 65536 registers. The simulator knows no such option.
_OPTIONS = {} if config.ENABLE_CUDASIM else {"max_registers": 65536 // (BLOCKS * THREADS)}


@on_device
def _starts(flow_buffer: int, dual_buffer: int, batch: int, area: int, pair: int) -> Any:
    """Indices of the first pixel of a pair in flow, dual variables and data term."""
    at_flow, at_dual = (2 * flow_buffer * batch + pair) * area, (4 * dual_buffer * batch + pair) * area
    return uint64(at_flow), uint64(at_dual), uint64(pair * area)


@on_device
def _load(memory: Any, starts: Any, plane: Any, size: Any, corner: Any, fields: Any) -> None:
    """Reads the pixels of a thread; outside the image, the dual variables are 0 and the rest does not matter.

    Without branches, all loads are on their way at once. Indices are unsigned, since Numba adds a case for negative
    ones.
    """
    flow, dual, data = memory
    u, v, p_x, p_y, q_x, q_y, normal_x, normal_y, offset, limit = fields
    for r in range(ROWS):
        y = min(max(corner[0] + r, 0), size[0] - 1)
        for c in range(COLUMNS):
            x = min(max(corner[1] + c, 0), size[1] - 1)
            is_inside = y == corner[0] + r and x == corner[1] + c
            pixel = uint64(y * size[1] + x)
            at = starts[0] + pixel
            u[r, c], v[r, c] = flow[at], flow[at + plane]
            at = starts[1] + pixel
            a, b = dual[at], dual[at + plane]
            p_x[r, c], p_y[r, c] = (a, b) if is_inside else (float32(0), float32(0))
            a, b = dual[at + plane + plane], dual[at + plane + plane + plane]
            q_x[r, c], q_y[r, c] = (a, b) if is_inside else (float32(0), float32(0))
            at = starts[2] + pixel
            normal_x[r, c], normal_y[r, c] = data[at], data[at + plane]
            offset[r, c], limit[r, c] = data[at + plane + plane], data[at + plane + plane + plane]


@on_device
def _store(memory: Any, starts: Any, plane: Any, width: Any, corner: Any, is_output: Any, fields: Any) -> None:
    flow, dual, _ = memory
    u, v, p_x, p_y, q_x, q_y, _, _, _, _ = fields
    for r in range(ROWS):
        for c in range(COLUMNS):
            if is_output[r, c]:
                pixel = uint64((corner[0] + r) * width + corner[1] + c)
                at = starts[0] + pixel
                flow[at], flow[at + plane] = u[r, c], v[r, c]
                at = starts[1] + pixel
                dual[at], dual[at + plane] = p_x[r, c], p_y[r, c]
                dual[at + plane + plane], dual[at + plane + plane + plane] = q_x[r, c], q_y[r, c]


@on_device
def _share_dual(fields: Any, shared: Any, ty: int, tx: int) -> None:
    _, _, p_x, p_y, q_x, q_y, _, _, _, _ = fields
    _, _, right_p, right_q, _, bottom = shared
    for r in range(ROWS):
        right_p[r, ty, tx], right_q[r, ty, tx] = p_x[r, COLUMNS - 1], q_x[r, COLUMNS - 1]
    for c in range(COLUMNS):
        bottom[c, ty, tx], bottom[COLUMNS + c, ty, tx] = p_y[ROWS - 1, c], q_y[ROWS - 1, c]


@on_device
def _share_flow(fields: Any, shared: Any, ty: int, tx: int) -> None:
    u, v, _, _, _, _, _, _, _, _ = fields
    left_u, left_v, _, _, top, _ = shared
    for r in range(ROWS):
        left_u[r, ty, tx], left_v[r, ty, tx] = u[r, 0], v[r, 0]
    for c in range(COLUMNS):
        top[c, ty, tx], top[COLUMNS + c, ty, tx] = u[0, c], v[0, c]


@on_device
def _advance_flow(fields: Any, shared: Any, ty: int, tx: int, theta: float, is_output: Any, is_last: bool) -> float:
    """Advances the flow by an iteration; after the last one, returns its sum of squared changes, else 0."""
    u, v, p_x, p_y, q_x, q_y, normal_x, normal_y, offset, limit = fields
    _, _, right_p, right_q, _, bottom = shared
    # Beyond the tile's own edges a thread reads its own values instead; what that spoils stays inside the halo.
    to_left, above = max(tx - 1, 0), max(ty - 1, 0)
    change = float32(0)
    for r in range(ROWS):
        for c in range(COLUMNS):
            div_p = p_x[r, c] - (p_x[r, c - 1] if c > 0 else right_p[r, ty, to_left])
            div_q = q_x[r, c] - (q_x[r, c - 1] if c > 0 else right_q[r, ty, to_left])
            div_p += p_y[r, c] - (p_y[r - 1, c] if r > 0 else bottom[c, above, tx])
            div_q += q_y[r, c] - (q_y[r - 1, c] if r > 0 else bottom[COLUMNS + c, above, tx])
            residual = normal_x[r, c] * u[r, c] + normal_y[r, c] * v[r, c] + offset[r, c]
            step = min(max(residual, -limit[r, c]), limit[r, c])
            new_u = u[r, c] - step * normal_x[r, c] + theta * div_p
            new_v = v[r, c] - step * normal_y[r, c] + theta * div_q
            if is_last and is_output[r, c]:
                change += (new_u - u[r, c]) * (new_u - u[r, c]) + (new_v - v[r, c]) * (new_v - v[r, c])
            u[r, c], v[r, c] = new_u, new_v
    return change


@on_device
def _advance_dual(fields: Any, shared: Any, ty: int, tx: int, rate_y: Any, rate_x: Any) -> None:
    u, v, p_x, p_y, q_x, q_y, _, _, _, _ = fields
    left_u, left_v, _, _, top, _ = shared
    to_right, below = min(tx + 1, ACROSS - 1), min(ty + 1, DOWN - 1)
    for r in range(ROWS):
        for c in range(COLUMNS):
            u_x = rate_x[c] * ((u[r, c + 1] if c < COLUMNS - 1 else left_u[r, ty, to_right]) - u[r, c])
            v_x = rate_x[c] * ((v[r, c + 1] if c < COLUMNS - 1 else left_v[r, ty, to_right]) - v[r, c])
            u_y = rate_y[r] * ((u[r + 1, c] if r < ROWS - 1 else top[c, below, tx]) - u[r, c])
            v_y = rate_y[r] * ((v[r + 1, c] if r < ROWS - 1 else top[COLUMNS + c, below, tx]) - v[r, c])
            p_scale = float32(1) + math.sqrt(u_x * u_x + u_y * u_y)
            q_scale = float32(1) + math.sqrt(v_x * v_x + v_y * v_y)
            common = float32(1) / (p_scale * q_scale)  # one division for both
            p_scale, q_scale = common * q_scale, common * p_scale
            p_x[r, c], p_y[r, c] = (p_x[r, c] + u_x) * p_scale, (p_y[r, c] + u_y) * p_scale
            q_x[r, c], q_y[r, c] = (q_x[r, c] + v_x) * q_scale, (q_y[r, c] + v_y) * q_scale


@on_device
def _block_sum(value: float, room: Any, ty: int, tx: int) -> float:
    """Sum over a block, for the thread (0, 0), always in the same order."""
    room[0, ty, tx] = value
    cuda.syncthreads()
    half = DOWN // 2
    while half > 0:
        if ty < half:
            room[0, ty, tx] += room[0, ty + half, tx]
        cuda.syncthreads()
        half //= 2
    total = float32(0)
    if tx == 0 and ty == 0:
        for column in range(ACROSS):
            total += room[0, 0, column]
    return total


@on_device
def _note_places(changes: Any, places: Any, slot: int, is_first: bool, enough: float, thread: int) -> None:
    for pair in range(thread, changes.shape[1], THREADS):
        turn = FLOW | DUAL if is_active(changes, slot, pair, is_first, enough) else 0
        places[slot, pair] = places[slot - 1, pair] ^ turn


@cuda.jit(fastmath=True, **_OPTIONS)
def iterate(
    flow: Any,
    dual: Any,
    data: Any,
    changes: Any,
    places: Any,
    slot: int,
    is_first: bool,
    enough: float,
    height: int,
    width: int,
    theta: float,
    rate: float,
    count: int,
) -> None:
    """Kernel: runs iterations for the pairs that are active, whose tiles the blocks share out.

    The grid is one-dimensional, with as many blocks as the device runs at once, of (ACROSS, DOWN) threads each.

    Args:
        flow: (2,2,N,H,W) float32, flattened as the next two; two buffers of u and v.
        dual: (2,4,N,H,W) float32; two buffers of p_x, p_y, q_x and q_y.
        data: (4,N,H,W) float32; normal_x, normal_y, offset and limit of `flow.fields.DataTerm`.
        changes: table of changes; see `fields`.
        places: table of places; see `fields`.
        slot: number of this launch.
        is_first: whether this is the first launch of iterations after a warp.
        enough: sum of squared changes at which a pair has converged, square pixels.
        height: height of the images.
        width: width of the images.
        theta: tightness of the coupling.
        rate: tau / theta.
        count: number of iterations, 1 to SWEEP.
    """
    left_u = cuda.shared.array((ROWS, DOWN, ACROSS), float32)
    left_v = cuda.shared.array((ROWS, DOWN, ACROSS), float32)
    right_p = cuda.shared.array((ROWS, DOWN, ACROSS), float32)
    right_q = cuda.shared.array((ROWS, DOWN, ACROSS), float32)
    top = cuda.shared.array((PAIR, DOWN, ACROSS), float32)
    bottom = cuda.shared.array((PAIR, DOWN, ACROSS), float32)
    shared = (left_u, left_v, right_p, right_q, top, bottom)
    u, v = cuda.local.array((ROWS, COLUMNS), float32), cuda.local.array((ROWS, COLUMNS), float32)
    p_x, p_y = cuda.local.array((ROWS, COLUMNS), float32), cuda.local.array((ROWS, COLUMNS), float32)
    q_x, q_y = cuda.local.array((ROWS, COLUMNS), float32), cuda.local.array((ROWS, COLUMNS), float32)
    normal_x, normal_y = cuda.local.array((ROWS, COLUMNS), float32), cuda.local.array((ROWS, COLUMNS), float32)
    offset, limit = cuda.local.array((ROWS, COLUMNS), float32), cuda.local.array((ROWS, COLUMNS), float32)
    fields = (u, v, p_x, p_y, q_x, q_y, normal_x, normal_y, offset, limit)
    is_output = cuda.local.array((ROWS, COLUMNS), boolean)
    # 0 where a forward difference crosses an edge of the image: the dual variables stay 0 there, and outside.
    rate_y, rate_x = cuda.local.array(ROWS, float32), cuda.local.array(COLUMNS, float32)

    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    batch, area = changes.shape[1], height * width
    plane = uint64(batch * area)
    if cuda.blockIdx.x == 0:
        _note_places(changes, places, slot, is_first, enough, ty * ACROSS + tx)
    across = (width + CORE_WIDTH - 1) // CORE_WIDTH
    tiles = across * ((height + CORE_HEIGHT - 1) // CORE_HEIGHT)
    for item in range(cuda.blockIdx.x, batch * tiles, cuda.gridDim.x):
        pair = item // tiles
        if not is_active(changes, slot, pair, is_first, enough):
            continue
        place = int64(places[slot - 1, pair])
        flow_buffer, dual_buffer = place & FLOW, (place & DUAL) // DUAL
        up = item % tiles // across * CORE_HEIGHT - HALO + ty * ROWS
        left = item % tiles % across * CORE_WIDTH - HALO + tx * COLUMNS
        for c in range(COLUMNS):
            rate_x[c] = rate if 0 <= left + c < width - 1 else float32(0)
        for r in range(ROWS):
            rate_y[r] = rate if 0 <= up + r < height - 1 else float32(0)
            for c in range(COLUMNS):
                row, column = ty * ROWS + r, tx * COLUMNS + c
                in_core = HALO <= row < HALO + CORE_HEIGHT and HALO <= column < HALO + CORE_WIDTH
                is_output[r, c] = in_core and up + r < height and left + c < width

        starts = _starts(flow_buffer, dual_buffer, batch, area, pair)
        _load((flow, dual, data), starts, plane, (height, width), (up, left), fields)
        _share_dual(fields, shared, ty, tx)
        cuda.syncthreads()
        change = float32(0)
        for step in range(count):
            change += _advance_flow(fields, shared, ty, tx, theta, is_output, step == count - 1)
            _share_flow(fields, shared, ty, tx)
            cuda.syncthreads()
            _advance_dual(fields, shared, ty, tx, rate_y, rate_x)
            _share_dual(fields, shared, ty, tx)
            cuda.syncthreads()
        starts = _starts(1 - flow_buffer, 1 - dual_buffer, batch, area, pair)
        _store((flow, dual, data), starts, plane, width, (up, left), is_output, fields)
        total = _block_sum(change, left_u, ty, tx)
        if tx == 0 and ty == 0:
            cuda.atomic.add(changes, (slot, pair), uint64(total / UNIT))

"""Iterations of TV-L1 (Zach et al. 2007, Eqs. 12-15) on tiles that stay in registers for several iterations.

An iteration needs the dual variables of the pixel to the left and above, and the new flow of the pixel to the right and
below. A tile that is larger than its output by a pixel on each side for each iteration can therefore be iterated
without its neighbours: all state is read and written once for all iterations, at the cost of computing the border twice.

Each thread holds `ROWS` x `COLUMNS` pixels. What its neighbours need of them goes through shared memory: the flow of its
left column and top row, and the dual variables of its right column and bottom row.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

from numba import config, cuda, float32, int64, uint64

from i2vadapt.flow.gpu.fields import DUAL, FLOW, UNIT, is_active
from i2vadapt.flow.pyramid import SWEEP

ROWS, COLUMNS = 4, 2  # pixels of a thread: 80 of its registers
ACROSS, DOWN = 32, 16  # threads of a block: what is shared fills the 48 KiB that any GPU has
BOTH = 2 * COLUMNS  # columns of two fields
HALO = SWEEP


def core(down: int = DOWN) -> tuple[int, int]:
    """Height and width of the output of a block of `down` rows of threads, pixels."""
    return down * ROWS - 2 * HALO, ACROSS * COLUMNS - 2 * HALO


@cache
def iteration_kernel(down: int = DOWN) -> Any:
    """The kernel `iterate`, for blocks of (32, `down`) threads; `down` is a power of two.

    The blocks, of which there are as many as the device runs at once, share out the tiles of the pairs that are active.
    Its arguments, of which the fields are flattened:
        data: (4,N,H,W) float32; normal_x, normal_y, offset and limit of `flow.fields.DataTerm`.
        flow: (2,2,N,H,W) float32; two buffers of u and v.
        dual: (2,4,N,H,W) float32 or float16; two buffers of p_x, p_y, q_x and q_y.
        changes, places: see `fields`.
        slot: number of this launch.
        is_first: whether this is the first launch after a warp.
        enough: sum of squared changes at which a pair has converged, square pixels.
        height, width: of the images, pixels.
        theta: tightness of the coupling.
        rate: tau / theta.
        count: number of iterations, 1 to SWEEP.
    """
    threads = ACROSS * down
    core_height, core_width = core(down)
    # A multiprocessor has 65536 registers. The simulator knows no such option.
    options = {} if config.ENABLE_CUDASIM else {"max_registers": 128}

    @cuda.jit(fastmath=True, **options)
    def iterate(  # type: ignore[no-untyped-def]
        data, flow, dual, changes, places, slot, is_first, enough, height, width, theta, rate, count
    ):
        edge_u = cuda.shared.array((ROWS, down, ACROSS), float32)
        edge_v = cuda.shared.array((ROWS, down, ACROSS), float32)
        edge_p = cuda.shared.array((ROWS, down, ACROSS), float32)
        edge_q = cuda.shared.array((ROWS, down, ACROSS), float32)
        top = cuda.shared.array((BOTH, down, ACROSS), float32)
        bottom = cuda.shared.array((BOTH, down, ACROSS), float32)
        u, v = cuda.local.array((ROWS, COLUMNS), float32), cuda.local.array((ROWS, COLUMNS), float32)
        p_x, p_y = cuda.local.array((ROWS, COLUMNS), float32), cuda.local.array((ROWS, COLUMNS), float32)
        q_x, q_y = cuda.local.array((ROWS, COLUMNS), float32), cuda.local.array((ROWS, COLUMNS), float32)
        n_x, n_y = cuda.local.array((ROWS, COLUMNS), float32), cuda.local.array((ROWS, COLUMNS), float32)
        offset, limit = cuda.local.array((ROWS, COLUMNS), float32), cuda.local.array((ROWS, COLUMNS), float32)
        # 0 where a forward difference crosses an edge of the image: the dual variables stay 0 there, and outside.
        rate_x, rate_y = cuda.local.array(COLUMNS, float32), cuda.local.array(ROWS, float32)

        tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
        # Beyond the tile's own edges a thread reads its own values instead; what that spoils stays inside the halo.
        to_left, to_right = max(tx - 1, 0), min(tx + 1, ACROSS - 1)
        above, below = max(ty - 1, 0), min(ty + 1, down - 1)
        batch = changes.shape[1]
        if cuda.blockIdx.x == 0:
            for pair in range(ty * ACROSS + tx, batch, threads):
                turn = FLOW | DUAL if is_active(changes, slot, pair, is_first, enough) else 0
                places[slot, pair] = places[slot - 1, pair] ^ turn

        across = (width + core_width - 1) // core_width
        tiles = across * ((height + core_height - 1) // core_height)
        area = height * width
        for item in range(cuda.blockIdx.x, batch * tiles, cuda.gridDim.x):
            pair = item // tiles
            if not is_active(changes, slot, pair, is_first, enough):
                continue
            place = int64(places[slot - 1, pair])
            old_flow, old_dual = place & FLOW, (place & DUAL) >> 1
            left = item % tiles % across * core_width - HALO + tx * COLUMNS
            up = item % tiles // across * core_height - HALO + ty * ROWS
            # Unsigned indices, since Numba adds a case for negative ones.
            at_data, at_flow = uint64(pair * area), uint64((2 * old_flow * batch + pair) * area)
            at_dual, plane = uint64((4 * old_dual * batch + pair) * area), uint64(batch * area)
            for c in range(COLUMNS):
                rate_x[c] = rate if 0 <= left + c < width - 1 else float32(0)
            # Outside the image only the dual variables matter. Without branches, all loads are on their way at once.
            for r in range(ROWS):
                rate_y[r] = rate if 0 <= up + r < height - 1 else float32(0)
                y = min(max(up + r, 0), height - 1)
                for c in range(COLUMNS):
                    x = min(max(left + c, 0), width - 1)
                    is_inside = y == up + r and x == left + c
                    at = uint64(y * width + x)
                    u[r, c], v[r, c] = flow[at_flow + at], flow[at_flow + plane + at]
                    n_x[r, c], n_y[r, c] = data[at_data + at], data[at_data + plane + at]
                    offset[r, c] = data[at_data + plane + plane + at]
                    limit[r, c] = data[at_data + plane + plane + plane + at]
                    a, b = float32(dual[at_dual + at]), float32(dual[at_dual + plane + at])
                    p_x[r, c], p_y[r, c] = (a, b) if is_inside else (float32(0), float32(0))
                    a = float32(dual[at_dual + plane + plane + at])
                    b = float32(dual[at_dual + plane + plane + plane + at])
                    q_x[r, c], q_y[r, c] = (a, b) if is_inside else (float32(0), float32(0))

            change = float32(0)
            for r in range(ROWS):
                edge_p[r, ty, tx], edge_q[r, ty, tx] = p_x[r, COLUMNS - 1], q_x[r, COLUMNS - 1]
            for c in range(COLUMNS):
                bottom[c, ty, tx], bottom[COLUMNS + c, ty, tx] = p_y[ROWS - 1, c], q_y[ROWS - 1, c]
            cuda.syncthreads()
            for step in range(count):
                for r in range(ROWS):
                    for c in range(COLUMNS):
                        div_p = p_x[r, c] - (p_x[r, c - 1] if c > 0 else edge_p[r, ty, to_left])
                        div_q = q_x[r, c] - (q_x[r, c - 1] if c > 0 else edge_q[r, ty, to_left])
                        div_p += p_y[r, c] - (p_y[r - 1, c] if r > 0 else bottom[c, above, tx])
                        div_q += q_y[r, c] - (q_y[r - 1, c] if r > 0 else bottom[COLUMNS + c, above, tx])
                        residual = n_x[r, c] * u[r, c] + n_y[r, c] * v[r, c] + offset[r, c]
                        push = min(max(residual, -limit[r, c]), limit[r, c])
                        new_u = u[r, c] - push * n_x[r, c] + theta * div_p
                        new_v = v[r, c] - push * n_y[r, c] + theta * div_q
                        if step == count - 1:
                            column, row = tx * COLUMNS + c, ty * ROWS + r
                            in_core = HALO <= column < HALO + core_width and HALO <= row < HALO + core_height
                            if in_core and up + r < height and left + c < width:
                                du, dv = new_u - u[r, c], new_v - v[r, c]
                                change += du * du + dv * dv
                        u[r, c], v[r, c] = new_u, new_v
                for r in range(ROWS):
                    edge_u[r, ty, tx], edge_v[r, ty, tx] = u[r, 0], v[r, 0]
                for c in range(COLUMNS):
                    top[c, ty, tx], top[COLUMNS + c, ty, tx] = u[0, c], v[0, c]
                cuda.syncthreads()
                for r in range(ROWS):
                    for c in range(COLUMNS):
                        u_x = (u[r, c + 1] if c < COLUMNS - 1 else edge_u[r, ty, to_right]) - u[r, c]
                        v_x = (v[r, c + 1] if c < COLUMNS - 1 else edge_v[r, ty, to_right]) - v[r, c]
                        u_y = (u[r + 1, c] if r < ROWS - 1 else top[c, below, tx]) - u[r, c]
                        v_y = (v[r + 1, c] if r < ROWS - 1 else top[COLUMNS + c, below, tx]) - v[r, c]
                        u_x, v_x, u_y, v_y = u_x * rate_x[c], v_x * rate_x[c], u_y * rate_y[r], v_y * rate_y[r]
                        p_scale = float32(1) + math.sqrt(u_x * u_x + u_y * u_y)
                        q_scale = float32(1) + math.sqrt(v_x * v_x + v_y * v_y)
                        common = float32(1) / (p_scale * q_scale)  # one division for both
                        p_scale, q_scale = common * q_scale, common * p_scale
                        p_x[r, c], p_y[r, c] = (p_x[r, c] + u_x) * p_scale, (p_y[r, c] + u_y) * p_scale
                        q_x[r, c], q_y[r, c] = (q_x[r, c] + v_x) * q_scale, (q_y[r, c] + v_y) * q_scale
                for r in range(ROWS):
                    edge_p[r, ty, tx], edge_q[r, ty, tx] = p_x[r, COLUMNS - 1], q_x[r, COLUMNS - 1]
                for c in range(COLUMNS):
                    bottom[c, ty, tx], bottom[COLUMNS + c, ty, tx] = p_y[ROWS - 1, c], q_y[ROWS - 1, c]
                cuda.syncthreads()

            at_flow = uint64((2 * (1 - old_flow) * batch + pair) * area)
            at_dual = uint64((4 * (1 - old_dual) * batch + pair) * area)
            for r in range(ROWS):
                for c in range(COLUMNS):
                    column, row = tx * COLUMNS + c, ty * ROWS + r
                    in_core = HALO <= column < HALO + core_width and HALO <= row < HALO + core_height
                    if in_core and up + r < height and left + c < width:
                        at = uint64((up + r) * width + left + c)
                        flow[at_flow + at], flow[at_flow + plane + at] = u[r, c], v[r, c]
                        dual[at_dual + at], dual[at_dual + plane + at] = p_x[r, c], p_y[r, c]
                        dual[at_dual + plane + plane + at] = q_x[r, c]
                        dual[at_dual + plane + plane + plane + at] = q_y[r, c]

            edge_u[0, ty, tx] = change
            cuda.syncthreads()
            half = down // 2
            while half > 0:
                if ty < half:
                    edge_u[0, ty, tx] += edge_u[0, ty + half, tx]
                cuda.syncthreads()
                half //= 2
            if tx == 0 and ty == 0:
                total = float32(0)
                for column in range(ACROSS):
                    total += edge_u[0, 0, column]
                cuda.atomic.add(changes, (slot, pair), uint64(total / UNIT))

    return iterate

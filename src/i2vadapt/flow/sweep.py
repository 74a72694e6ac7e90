"""Iterations of TV-L1 (Zach et al. 2007, Eqs. 12-15) for one pair of images on the CPU, several in one pass.

`_row` advances u of one row and then p of the row above it by one iteration: p of a row needs u of the row below, and u
of a row needs the old p of its own row and of the row above. Iteration k + 1 can therefore follow iteration k at a
distance of one row. Several iterations sweep down the image together, so that the fields are fetched from the outer
caches only once for all of them.
"""

from __future__ import annotations

import math

import numpy as np

from i2vadapt.flow.fields import BLOCK, DataTerm, Field, State
from i2vadapt.runtime.kernels import inlined, kernel

_ZERO, _ONE = np.float32(0), np.float32(1)
# Indices are unsigned: Numba adds wraparound to signed ones, which prevents vectorisation.
_NEXT = np.uintp(1)
_BLOCK = np.uintp(BLOCK)

Scalar = np.float32
Pair = tuple[np.float32, np.float32]


@inlined
def _primal(
    normal: tuple[float, float],
    offset: float,
    limit: float,
    u: float,
    v: float,
    div_p: float,
    div_q: float,
    theta: float,
) -> tuple[float, float]:
    step = min(max(normal[0] * u + normal[1] * v + offset, -limit), limit)
    return u - step * normal[0] + theta * div_p, v - step * normal[1] + theta * div_q


@inlined
def _dual(p: Pair, q: Pair, du: Pair, dv: Pair, rate: Scalar) -> tuple[Scalar, Scalar, Scalar, Scalar]:
    p_scale = _ONE + rate * math.sqrt(du[0] * du[0] + du[1] * du[1])
    q_scale = _ONE + rate * math.sqrt(dv[0] * dv[0] + dv[1] * dv[1])
    common = _ONE / (p_scale * q_scale)  # one division for both
    p_scale, q_scale = common * q_scale, common * p_scale
    return (
        (p[0] + rate * du[0]) * p_scale,
        (p[1] + rate * du[1]) * p_scale,
        (q[0] + rate * dv[0]) * q_scale,
        (q[1] + rate * dv[1]) * q_scale,
    )


@kernel(fastmath=True, noalias=True)
def _row(
    data: DataTerm, here: State, above: State, weight: Field | None, y: int, width: int, theta: Scalar, rate: Scalar
) -> Scalar:
    """Advances u in row y of `here` and p in row y - 1 of `above` (the same fields under two names) by one iteration.

    `weight` is 1 on the image's columns and 0 beyond. If it is given, the sum of squared changes of u is returned.
    """
    up = y - _NEXT
    change = _ZERO
    for left in range((width + _BLOCK - _NEXT) // _BLOCK * _BLOCK):
        x = left + _NEXT
        right = x + _NEXT
        p_y, q_y = above.p_y[up, x], above.q_y[up, x]
        u_old, v_old = here.u[y, x], here.v[y, x]
        div_p = here.p_x[y, x] - here.p_x[y, left] + here.p_y[y, x] - p_y
        div_q = here.q_x[y, x] - here.q_x[y, left] + here.q_y[y, x] - q_y
        normal = (data.normal_x[y, x], data.normal_y[y, x])
        u, v = _primal(normal, data.offset[y, x], data.limit[y, x], u_old, v_old, div_p, div_q, theta)
        here.u[y, x], here.v[y, x] = u, v
        if weight is not None:
            change += weight[x] * ((u - u_old) * (u - u_old) + (v - v_old) * (v - v_old))
        u_up, v_up = above.u[up, x], above.v[up, x]
        du, dv = (above.u[up, right] - u_up, u - u_up), (above.v[up, right] - v_up, v - v_up)
        p, q = (above.p_x[up, x], p_y), (above.q_x[up, x], q_y)
        above.p_x[up, x], above.p_y[up, x], above.q_x[up, x], above.q_y[up, x] = _dual(p, q, du, dv, rate)
    # The derivative across the right edge is 0.
    here.u[y, width + _NEXT], here.v[y, width + _NEXT] = here.u[y, width], here.v[y, width]
    return change


@kernel(fastmath=True)
def sweep(
    data: DataTerm, state: State, weight: Field, height: int, width: int, theta: Scalar, rate: Scalar, iterations: int
) -> Scalar:
    """Runs several iterations in one pass over the image.

    Args:
        data: data term.
        state: flow and dual variables, updated in place.
        weight: 1 on the image's columns and 0 beyond, as long as a row of a field.
        height: height of the image.
        width: width of the image.
        theta: tightness of the coupling, float32.
        rate: tau / theta, float32.
        iterations: number of iterations, at least 1.

    Returns:
        Sum of squared changes of the flow in the last iteration, square pixels.
    """
    bottom = height + 1
    columns = np.uintp(width)
    change = _ZERO
    for step in range(1, bottom + iterations):
        for k in range(max(0, step - bottom), min(iterations, step)):
            y = step - k
            if y == bottom:  # the derivative across the bottom edge is 0
                state.u[bottom] = state.u[height]
                state.v[bottom] = state.v[height]
            if k == iterations - 1:
                change += _row(data, state, state, weight, np.uintp(y), columns, theta, rate)
            else:
                _row(data, state, state, None, np.uintp(y), columns, theta, rate)
            if y == 1:  # p is 0 across the top edge
                state.p_y[0] = _ZERO
                state.q_y[0] = _ZERO
    return change

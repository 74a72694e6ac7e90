"""What the kernels share: the layout of the fields on the device, and which pairs of a batch are still being solved.

Flow and dual variables have two buffers each, since a block reads the border of its neighbours' tiles while they write.
A pair that has converged is left out by all further launches, so its newest values stay in the buffer that it wrote
last. Each launch therefore has a slot in two tables, where the next launch finds what it needs, without the host:

* changes (slots, N) uint64: sum of squared changes of the flow in the launch's last iteration, in units of `UNIT`
  square pixels. Sums of integers don't depend on their order, so a pair always stops at the same iteration.
* places (slots, N) uint8: `FLOW` is set if the newest flow is in buffer 1, `DUAL` the same for the dual variables.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import cuda

FLOW, DUAL = 1, 2
UNIT = 2.0**-20


def on_device(function: Callable[..., Any]) -> Any:
    """Decorator of the functions that kernels call, which inlines them."""
    return cuda.jit(device=True, inline="always")(function)


@on_device
def is_active(changes: Any, slot: int, pair: int, is_first: bool, enough: float) -> bool:
    """Whether a pair has not converged before the launch of `slot`; at the first launch after a warp all are active."""
    return is_first or changes[slot - 1, pair] * UNIT > enough

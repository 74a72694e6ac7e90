"""What leaves the device: the flow itself, or its 8-bit codes and statistics."""

from __future__ import annotations

import math
from typing import Any

from numba import config, cuda, float32, int64, uint8, uint64

from i2vadapt.data.flow_codec import LEVELS, ZERO
from i2vadapt.flow.gpu.fields import FLOW, UNIT

LINE = 32 if config.ENABLE_CUDASIM else 128  # threads of a block, a power of two; the simulator is slow with many


@cuda.jit
def gather(flow: Any, places: Any, result: Any) -> None:
    """Copies the newest flow (2,2,N,H,W) to (N,H,W,2)."""
    x = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    y, n = cuda.blockIdx.y, cuda.blockIdx.z
    if x < result.shape[2]:
        buffer = int64(places[n]) & FLOW
        result[n, y, x, 0], result[n, y, x, 1] = flow[buffer, 0, n, y, x], flow[buffer, 1, n, y, x]


@cuda.jit
def quantise(flow: Any, places: Any, bound: float, codes: Any, sums: Any) -> None:
    """Quantises as `data.flow_codec.quantise`, for blocks of LINE threads and a grid of (blocks across, H, N).

    Args:
        flow: two buffers (2,2,N,H,W), pixels.
        places: row (N,) of the table.
        bound: largest displacement that is kept, pixels.
        codes: the result (N,H,W,2) uint8.
        sums: (2,N) uint64, to which are added the lengths of all vectors, in `UNIT` pixels, and the number of values
            that were clipped.
    """
    lengths = cuda.shared.array(LINE, float32)
    clipped = cuda.shared.array(LINE, int64)
    thread = cuda.threadIdx.x
    x, y, n = cuda.blockIdx.x * LINE + thread, cuda.blockIdx.y, cuda.blockIdx.z
    lengths[thread], clipped[thread] = float32(0), 0
    if x < codes.shape[2]:
        buffer = int64(places[n]) & FLOW
        for part in range(2):
            value = flow[buffer, part, n, y, x]
            # Rounding the magnitude makes the coding symmetric.
            steps = min(math.floor(abs(value) * float32(LEVELS / bound) + float32(0.5)), LEVELS)
            codes[n, y, x, part] = uint8(ZERO + steps if value >= 0 else ZERO - steps)
            clipped[thread] += abs(value) > bound
        u, v = flow[buffer, 0, n, y, x], flow[buffer, 1, n, y, x]
        lengths[thread] = math.sqrt(u * u + v * v)
    cuda.syncthreads()
    half = LINE // 2
    while half > 0:
        if thread < half:
            lengths[thread] += lengths[thread + half]
            clipped[thread] += clipped[thread + half]
        cuda.syncthreads()
        half //= 2
    if thread == 0:
        cuda.atomic.add(sums, (0, n), uint64(lengths[0] / UNIT))
        cuda.atomic.add(sums, (1, n), uint64(clipped[0]))

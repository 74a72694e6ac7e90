"""Motion blur of a rendered image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from i2vadapt.runtime.kernels import kernel


@kernel()
def smear(image: NDArray[np.uint8], flow: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean (H, W, 3) of an image along the flow (H, W, 2) of each pixel, centred on the pixel."""
    height, width, _ = image.shape
    result = np.zeros((height, width, 3), np.float32)
    for v in range(height):
        for u in range(width):
            x, y = flow[v, u, 0], flow[v, u, 1]
            if not (abs(x) < 30.0 and abs(y) < 30.0):
                x, y = np.float32(0.0), np.float32(0.0)
            for k in range(-2, 3):
                i = min(max(int(np.floor(u + 0.25 * k * x + 0.5)), 0), width - 1)
                j = min(max(int(np.floor(v + 0.25 * k * y + 0.5)), 0), height - 1)
                for channel in range(3):
                    result[v, u, channel] += np.float32(0.2) * image[j, i, channel]
    return result

"""Sharpening of depth edges before warping: sparse bilateral filtering (Shih et al. 2020) as in Depthstillation.

A network's depth changes from an object to its background over several pixels, which a warp would stretch like rubber.
A photograph's colours change over a pixel or two, which would stay at the old place as a ghost of the outline;
therefore objects are made one pixel larger.
"""

from __future__ import annotations

import cv2
import numpy as np

from i2vadapt.runtime.kernels import kernel

_ROUNDS = 2
_RADIUS = 2  # radius of the window, pixels
_JUMP = np.float32(0.04)  # smallest difference of neighbours that counts as a jump, for inverse depth in [0, 1]
_SIGMA_PLACE, _SIGMA_VALUE = np.float32(4.0), np.float32(0.5)


def sharpen_edges(inverse_depth: np.ndarray) -> np.ndarray:
    """Replaces inverse depth at jumps by the weighted median of the surrounding pixels that are not at a jump.

    Then the near side of every remaining jump is extended outwards by one pixel.

    Args:
        inverse_depth: (H,W) float32 in [0,1], larger is nearer.

    Returns:
        (H,W) float32 that contains values of the input only.
    """
    for _ in range(_ROUNDS):
        inverse_depth = _filter(inverse_depth, _jumps(inverse_depth))
    nearest = cv2.dilate(inverse_depth, np.ones((3, 3), np.uint8))
    return np.where(nearest - inverse_depth > _JUMP, nearest, inverse_depth)


def _jumps(d: np.ndarray) -> np.ndarray:
    """Mask (H,W) bool of the pixels with a jump to a neighbour above, below, left or right."""
    edges = np.zeros(d.shape, bool)
    for along, here, there in (
        (0, np.s_[1:], np.s_[:-1]),
        (1, np.s_[:, 1:], np.s_[:, :-1]),
    ):
        jump = np.abs(np.diff(d, axis=along)) > _JUMP
        edges[here] |= jump
        edges[there] |= jump
    return edges


@kernel()
def _filter(d: np.ndarray, edges: np.ndarray) -> np.ndarray:
    height, width = d.shape
    out = d.copy()
    values, weights = np.empty((2 * _RADIUS + 1) ** 2, np.float32), np.empty((2 * _RADIUS + 1) ** 2, np.float32)
    for i in range(height):
        for j in range(width):
            if not edges[i, j]:
                continue
            count, total = 0, np.float32(0)
            for v in range(max(i - _RADIUS, 0), min(i + _RADIUS, height - 1) + 1):
                for u in range(max(j - _RADIUS, 0), min(j + _RADIUS, width - 1) + 1):
                    if edges[v, u]:
                        continue
                    place = ((v - i) ** 2 + (u - j) ** 2) / (2 * _SIGMA_PLACE**2)
                    value = (d[v, u] - d[i, j]) ** 2 / (2 * _SIGMA_VALUE**2)
                    weight = np.float32(np.exp(-place - value))
                    k = count  # insertion sort
                    while k > 0 and values[k - 1] > d[v, u]:
                        values[k], weights[k] = values[k - 1], weights[k - 1]
                        k -= 1
                    values[k], weights[k] = d[v, u], weight
                    count, total = count + 1, total + weight
            if count:
                k, below = 0, weights[0]
                while k < count - 1 and 2 * below < total:
                    k += 1
                    below += weights[k]
                out[i, j] = values[k]
    return out

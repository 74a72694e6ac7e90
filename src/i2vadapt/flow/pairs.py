"""Flow of pairs of frames by the settings of the stage *flow*: in pixels, or quantised as it is stored."""

from __future__ import annotations

import numpy as np

from i2vadapt.config.preprocessing import FlowSettings
from i2vadapt.flow.encoding import QuantisedFlow, quantise_flow
from i2vadapt.flow.tvl1 import to_grey, tvl1


def is_on_gpu(settings: FlowSettings) -> bool:
    """Whether a backend with these settings computes on a GPU, where there is one."""
    return settings.source == "tvl1" and settings.backend in ("torch", "cuda")


def flow_of_frames(frames: np.ndarray, settings: FlowSettings) -> np.ndarray:
    """Flow of every consecutive pair of frames.

    Args:
        frames: (T,H,W,3) uint8 RGB, T at least 2.
        settings: backend and TV-L1 settings.

    Returns:
        (T-1,H,W,2) float32, pixels per frame.
    """
    grey = to_grey(frames)
    return _flow_of_pairs(grey[:-1], grey[1:], settings)


def quantised_pairs(first: np.ndarray, second: np.ndarray, settings: FlowSettings) -> QuantisedFlow:
    """Quantised flow of any pairs of frames; that of a pair does not depend on the others.

    Args:
        first: (N,H,W) uint8 grey, N at least 1, see `tvl1.to_grey`.
        second: the frames after them, of the same shape.
        settings: backend, TV-L1 settings and bound.
    """
    if settings.backend != "cuda":
        return quantise_flow(_flow_of_pairs(first, second, settings), settings.bound)
    from i2vadapt.flow.backends import cuda  # imported here because it needs the extra `gpu`

    return cuda.quantised_pairs(first, second, settings.tvl1, settings.bound)


def _flow_of_pairs(first: np.ndarray, second: np.ndarray, settings: FlowSettings) -> np.ndarray:
    return tvl1(first, second, backend=settings.backend, **settings.tvl1.model_dump())

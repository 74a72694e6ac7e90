"""Brightening of dark videos by one factor for the whole video, since TV-L1 assumes that brightness is constant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import cv2
import numpy as np

MEAN = 90.0
"""Mean grey level (0 to 255) that `auto` aims at: that of an ordinary indoor video."""

LARGEST = 10.0
"""Largest factor that `auto` chooses: noise and compression artefacts are amplified with the picture."""

_STEP = 4  # every fourth pixel of every fourth row is enough for a mean


def find_gain(frames: Iterable[np.ndarray], gain: float | Literal["auto"]) -> float:
    """Returns the brightness factor of a video.

    Args:
        frames: frames of shape (H,W,3), uint8; read only if the gain is "auto".
        gain: a factor, or "auto", which brings the mean of all frames to `MEAN` with a factor from 1 to `LARGEST`.
    """
    if gain != "auto":
        return gain
    return float(np.clip(MEAN / max(mean_level(frames), 1e-3), 1.0, LARGEST))


def mean_level(frames: Iterable[np.ndarray]) -> float:
    """Mean grey level of some frames of shape (H,W,3), uint8; at least one."""
    return float(np.mean(np.fromiter((frame[::_STEP, ::_STEP].mean() for frame in frames), np.float64)))


def brighten(frame: np.ndarray, gain: float) -> np.ndarray:
    """Multiplies an (H,W,3) uint8 frame by a factor and clips the result to 255."""
    if gain == 1.0:
        return frame
    table = np.clip(np.arange(256) * gain + 0.5, 0, 255).astype(np.uint8)
    return cv2.LUT(frame, table)

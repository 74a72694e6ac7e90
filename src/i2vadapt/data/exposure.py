"""Brightening of dark videos: one factor for a whole video, since TV-L1 takes brightness for constant in time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import cv2
import numpy as np

MEAN = 90.0
"""Mean grey level, of 255, that `auto` aims at: that of an ordinary indoor video."""

LARGEST = 10.0
"""Factor beyond which `auto` does not go: noise and the blocks of the codec grow with the picture."""

_STEP = 4  # every fourth pixel of every fourth row is enough for a mean


def find_gain(frames: Iterable[np.ndarray], gain: float | Literal["auto"]) -> float:
    """The factor for a video.

    Args:
        frames: (H,W,3) uint8 each; not looked at unless the gain is "auto".
        gain: a factor, or "auto": brings the mean of all frames to `MEAN`, never darkens, and stops at `LARGEST`.
    """
    if gain != "auto":
        return gain
    means = [float(frame[::_STEP, ::_STEP].mean()) for frame in frames]
    return float(np.clip(MEAN / max(float(np.mean(means)), 1e-3), 1.0, LARGEST))


def brighten(frame: np.ndarray, gain: float) -> np.ndarray:
    """Multiplies an (H,W,3) uint8 frame by a factor; what gets brighter than white is white."""
    if gain == 1.0:
        return frame
    table = np.clip(np.arange(256) * gain + 0.5, 0, 255).astype(np.uint8)
    return cv2.LUT(frame, table)

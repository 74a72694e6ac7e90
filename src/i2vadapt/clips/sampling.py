"""Which frames of a video make a clip: at a pace (paper sections 3.3 and 4.2), or spread over the whole video."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from i2vadapt.config.recipes.video import Looping
from i2vadapt.errors import UserError


def pace_indices(
    n_frames: int, start: int, rate: int, length: int = 16, looping: Looping = "modulo"
) -> NDArray[np.int64]:
    """Frames of a clip played at a pace, looping over the video until there are enough.

    Args:
        n_frames: frames of the video.
        start: first frame, from 0.
        rate: step between frames; 1 is natural speed.
        length: frames of the clip.
        looping: what follows when the next frame would lie past the end. "modulo" counts on from the first frame, as
            in the paper's example (30 frames, from the 20th, pace 2: 20, 22, ..., 30, 2, 4, ..., 20, counted from 1);
            "restart" goes back to the first frame (the released code).

    Returns:
        (length,) in 0..n_frames-1.

    Raises:
        UserError: unknown looping, or numbers out of range.
    """
    if n_frames < 1 or not 0 <= start < n_frames or rate < 1 or length < 1:
        raise UserError(
            f"no clip of {length} frames at pace {rate} from frame {start} of {n_frames}: all must be at least 1 and"
            " the start within the video"
        )
    steps = np.arange(length, dtype=np.int64)
    if looping == "modulo":
        return (start + rate * steps) % n_frames
    if looping == "restart":
        before_end = -(-(n_frames - start) // rate)
        per_round = -(-n_frames // rate)
        return np.where(steps < before_end, start + rate * steps, (steps - before_end) % per_round * rate)
    raise UserError(f"looping is {looping!r}; allowed: modulo, restart")


def draw_pace(rng: np.random.Generator, n_frames: int, classes: int) -> tuple[int, int]:
    """Draws where a clip starts and how fast it plays, both uniformly.

    Args:
        rng: source of randomness.
        n_frames: frames of the video.
        classes: number of paces.

    Returns:
        Start in 0..n_frames-1 and rate in 1..classes.

    Raises:
        UserError: a video without frames or no pace.
    """
    if n_frames < 1 or classes < 1:
        raise UserError(f"no pace can be drawn for {n_frames} frames and {classes} paces; both must be at least 1")
    return int(rng.integers(n_frames)), int(rng.integers(1, classes + 1))


def uniform_indices(n_frames: int, length: int) -> NDArray[np.int64]:
    """Frames spread evenly over a whole video, floor(i * n_frames / length); short videos repeat frames.

    Args:
        n_frames: frames of the video.
        length: frames of the clip.

    Returns:
        (length,) in 0..n_frames-1, never decreasing, the first 0.

    Raises:
        UserError: a video or clip without frames.
    """
    if n_frames < 1 or length < 1:
        raise UserError(f"no {length} frames can be sampled from {n_frames}; both must be at least 1")
    return np.arange(length, dtype=np.int64) * n_frames // length

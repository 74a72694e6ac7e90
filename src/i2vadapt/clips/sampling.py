"""Choice of a clip's frames: at a pace (paper sections 3.3 and 4.2), or spread over the whole video."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from i2vadapt.config.recipes.video import Looping
from i2vadapt.errors import UserError


def pace_indices(
    n_frames: int, start: int, rate: int, length: int = 16, looping: Looping = "modulo"
) -> NDArray[np.int64]:
    """Frame numbers of a clip played at a pace; the video is looped where it is too short.

    Args:
        n_frames: number of frames of the video.
        start: first frame, counted from 0.
        rate: step between frames; 1 is natural speed.
        length: number of frames of the clip.
        looping: continuation where the next frame would lie beyond the end. "modulo" continues counting at the first
            frame, as in the paper's example (30 frames, from the 20th, pace 2: 20, 22, ..., 30, 2, 4, ..., 20, counted
            from 1); "restart" jumps back to the first frame (the released code).

    Returns:
        Frame numbers (length,) in 0..n_frames-1.

    Raises:
        UserError: if the looping is unknown or a number is out of range.
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
    """Draws the start and the pace of a clip, both uniformly.

    Args:
        rng: random generator.
        n_frames: number of frames of the video.
        classes: number of paces.

    Returns:
        Start in 0..n_frames-1 and rate in 1..classes.

    Raises:
        UserError: if one of the two numbers is below 1.
    """
    if n_frames < 1 or classes < 1:
        raise UserError(f"no pace can be drawn for {n_frames} frames and {classes} paces; both must be at least 1")
    return int(rng.integers(n_frames)), int(rng.integers(1, classes + 1))


def uniform_indices(n_frames: int, length: int) -> NDArray[np.int64]:
    """Frame numbers spread evenly over a whole video, floor(i * n_frames / length); short videos repeat frames.

    Args:
        n_frames: number of frames of the video.
        length: number of frames of the clip.

    Returns:
        Frame numbers (length,) in 0..n_frames-1, never decreasing, starting at 0.

    Raises:
        UserError: if one of the two numbers is below 1.
    """
    if n_frames < 1 or length < 1:
        raise UserError(f"no {length} frames can be sampled from {n_frames}; both must be at least 1")
    return np.arange(length, dtype=np.int64) * n_frames // length


def segment_frame(rng: np.random.Generator, n_frames: int, segment: int, segments: int) -> int:
    """Draws a frame of one of the equal segments of a video, as in Temporal Segment Networks (Wang et al. 2016).

    Args:
        rng: random generator.
        n_frames: number of frames of the video; segments of a shorter one share frames.
        segment: number of the segment, from 0.
        segments: number of segments.

    Returns:
        Frame number in 0..n_frames-1.
    """
    first = segment * n_frames // segments
    return first + int(rng.integers(max((segment + 1) * n_frames // segments - first, 1)))

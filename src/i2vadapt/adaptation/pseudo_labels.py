"""Pseudo-labels: the classes that a teacher predicts for the videos of which it is most confident."""

from __future__ import annotations

import math

import numpy as np

from i2vadapt.data.items import UNLABELLED


def select_by_videos(probabilities: np.ndarray, keep: float) -> np.ndarray:
    """Labels the videos with the largest class probabilities.

    Args:
        probabilities: class probabilities (n,C).
        keep: share of the videos that get a label, above 0 and at most 1.

    Returns:
        Labels (n,), int64; -1 for the others.
    """
    labels = probabilities.argmax(axis=1).astype(np.int64)
    labels[probabilities.max(axis=1) < _threshold(probabilities.max(axis=1), keep)] = UNLABELLED
    return labels


def select_by_frames(probabilities: np.ndarray, keep: float) -> np.ndarray:
    """Labels the videos that have a confident frame, as stage 2 of CycDA does (Lin et al. 2022; rule `frame_v2`).

    The confidence of a video is that of its most confident frame. A label is the class with the largest mean
    probability over those frames that are as confident as the least confident labelled video.

    Args:
        probabilities: class probabilities (n,T,C) of the frames.
        keep: share of the videos that get a label, above 0 and at most 1.

    Returns:
        Labels (n,), int64; -1 for the others.
    """
    frames = probabilities.astype(np.float32)
    confidence = frames.max(axis=2)
    confident = confidence >= _threshold(confidence.max(axis=1), keep)
    total = (frames * confident[..., None]).sum(axis=1)
    return np.where(confident.any(axis=1), total.argmax(axis=1), UNLABELLED).astype(np.int64)


def _threshold(confidence: np.ndarray, keep: float) -> float:
    """The confidence halfway between the last of the kept videos and the next one."""
    ranked = np.sort(confidence)[::-1]
    kept = max(math.floor(keep * len(ranked) + 0.5), 1)
    if kept >= len(ranked):
        return -math.inf
    return float((ranked[kept - 1].astype(np.float64) + ranked[kept]) / 2)

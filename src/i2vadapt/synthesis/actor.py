"""The actor of a photograph: the nearest connected layer of its depth."""

from __future__ import annotations

import cv2
import numpy as np

# The ground comes nearer towards the bottom and would join everything that stands on it. A row's background is what
# three fifths of it are nearer than, so an actor may fill that much of a row.
_BACKGROUND_QUANTILE = 40
_FOOT = 0.7  # of Otsu's threshold
_SMALLEST_SHARE = 0.01  # of the image; nearer specks are no actors
_LARGEST_SHARE = 0.6  # what is larger is the scene


def nearest_layer(inverse_depth: np.ndarray) -> np.ndarray:
    """Finds what stands out nearest.

    Each row's background is taken away. Otsu's threshold splits what is left in two, and a share of it finds the whole
    of what the upper half belongs to: feet stand out less than heads. Of its connected parts the one that stands out
    most, summed over its area, is the actor.

    Args:
        inverse_depth: (H,W) float32 in [0,1], larger is nearer.

    Returns:
        (H,W) bool; all False if nothing stands out.
    """
    background = np.percentile(inverse_depth, _BACKGROUND_QUANTILE, axis=1, keepdims=True)
    height = np.maximum(inverse_depth - background, 0)
    actor = np.zeros(height.shape, bool)
    if not height.max() > 0:
        return actor
    levels = (height * (255 / height.max())).astype(np.uint8)
    middle, _ = cv2.threshold(levels, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    count, labels = cv2.connectedComponents((levels > _FOOT * middle).astype(np.uint8), connectivity=8)
    areas = np.bincount(labels.ravel(), minlength=count)
    volumes = np.bincount(labels.ravel(), height.ravel(), minlength=count)
    fits = (areas >= _SMALLEST_SHARE * height.size) & (areas <= _LARGEST_SHARE * height.size)
    fits[0] = False
    if fits.any():
        actor = labels == int(np.argmax(np.where(fits, volumes, 0)))
    return actor

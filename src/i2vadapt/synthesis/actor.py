"""The actor of a photograph: the nearest connected layer of its depth."""

from __future__ import annotations

import cv2
import numpy as np

# The ground gets nearer towards the bottom of an image and would connect everything that stands on it. The background
# of a row is the level that three fifths of the row are nearer than, so an actor may fill that much of a row.
_BACKGROUND_QUANTILE = 40
_FOOT = 0.7  # share of Otsu's threshold
_SMALLEST_SHARE = 0.01  # share of the image; anything smaller is a speck and not an actor
_LARGEST_SHARE = 0.6  # share of the image; anything larger is the scene


def nearest_layer(inverse_depth: np.ndarray) -> np.ndarray:
    """Finds the nearest layer that stands out from its background.

    The background of each row is subtracted. Otsu's threshold separates what stands out, and a share of that threshold
    is applied, since feet stand out less than heads. The connected component that stands out most, summed over its
    area, is the actor.

    Args:
        inverse_depth: (H,W) float32 in [0,1], larger is nearer.

    Returns:
        Mask (H,W) bool; all False if nothing stands out.
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

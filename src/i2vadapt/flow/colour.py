"""Flow shown as colours: hue is direction, saturation is speed (after Baker et al. 2011)."""

from __future__ import annotations

import numpy as np

# Positions of red, yellow, green, cyan, blue, magenta and red again on the 55-colour wheel of the Middlebury benchmark.
# They are uneven because the eye distinguishes more hues between red and yellow than between yellow and green.
_PLACES = np.array([0, 15, 21, 25, 36, 49, 55]) / 55
_COLOURS = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 1, 1], [0, 0, 1], [1, 0, 1], [1, 0, 0]], np.float64)
_BEYOND = 0.75


def flow_to_colour(flow: np.ndarray, largest: float | None = None) -> np.ndarray:
    """Paints a flow field. Zero motion is white; values that are not finite are black.

    Args:
        flow: (...,2) pixels.
        largest: speed shown with full saturation, pixels; faster motion is darker. None uses the highest speed in the
            field.

    Returns:
        (...,3) uint8 RGB. Motion to the right is red, down yellow, to the left cyan to blue, up magenta to blue.
    """
    finite = np.isfinite(flow).all(axis=-1)
    values = np.where(finite[..., None], flow, 0).astype(np.float64)
    speed = np.hypot(values[..., 0], values[..., 1])
    scale = largest if largest is not None else float(speed.max(initial=0.0))
    speed = speed / max(scale, 1e-9)
    turn = np.arctan2(values[..., 1], values[..., 0]) / (2 * np.pi) % 1.0
    hue = np.stack([np.interp(turn, _PLACES, channel) for channel in _COLOURS.T], axis=-1)
    speed = speed[..., None]
    colour = np.where(speed <= 1, 1 - speed * (1 - hue), hue * _BEYOND)
    return np.where(finite[..., None], colour * 255 + 0.5, 0).astype(np.uint8)

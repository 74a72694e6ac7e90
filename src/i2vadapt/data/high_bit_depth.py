"""Pictures of more than 8 bits per channel: the value that is white in them, and which of them look black."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from i2vadapt.errors import UserError

_WHITE = 65535.0  # of 16 bits, the largest value of integers for which a white is known
_BLACK = 16  # grey level of 255 that values of 12 bits reach on the scale of 16
_VISIBLE = 1e-3  # share of the pixels that must be brighter
_OVERSHOOT = 0.1  # share of the brightest value up to which values below 0 are overshoots of a filter


def levels_of(image: Image.Image, path: Path) -> Callable[[slice], np.ndarray]:
    """Returns a function from rows of a grey picture of 16 or 32 bits to their grey levels (h,W) uint8.

    White is 65535 for integers, and the brightest value for floating point; values that are not finite are clipped.

    Raises:
        UserError: if integers exceed 65535, or values are negative: nothing says what is white or black in them.
    """
    values = np.asarray(image)
    finite = np.isfinite(values)
    brightest = float(np.max(values, initial=0.0, where=finite))
    darkest = float(np.min(values, initial=0.0, where=finite))
    is_integer = image.mode.startswith("I")
    if darkest < -_OVERSHOOT * brightest or (is_integer and brightest > _WHITE):
        raise UserError(
            f"{path}: values from {darkest:g} to {brightest:g}, so what is black and white in it is unknown;"
            " save it with 8 or 16 bits per channel"
        )
    white = _WHITE if is_integer else max(brightest, 1e-12)

    def levels(rows: slice) -> np.ndarray:
        scaled = values[rows].astype(np.float64) / white * 255 + 0.5
        return np.clip(np.nan_to_num(scaled), 0, 255).astype(np.uint8)

    return levels


def has_high_bit_depth(image: Image.Image) -> bool:
    """Whether a picture that is not loaded yet has channels of 16 bits, of which Pillow keeps the upper 8."""
    return any(";16" in str(tile[3]) for tile in getattr(image, "tile", ()))


def refuse_black(array: np.ndarray, path: Path) -> None:
    """Refuses a picture of more than 8 bits that is black as it stands, usually one that holds values of 8 to 12 bits.

    Args:
        array: (H,W,3) uint8.
        path: its file, for the message.

    Raises:
        UserError: if fewer than one value in a thousand is brighter than black.
    """
    if np.count_nonzero(array > _BLACK) < _VISIBLE * array.size:
        raise UserError(
            f"{path}: black on the scale of its 16 or more bits: its brightest grey level is {array.max()} of 255;"
            " save it with 8 bits per channel"
        )

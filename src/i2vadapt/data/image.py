"""Reading photographs of every common format as plain RGB, and resizing them."""

from __future__ import annotations

import warnings
from pathlib import Path

import cv2
import numpy as np
from PIL import ExifTags, Image

from i2vadapt.errors import UserError

MIN_SIDE = 16
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation -> transposition that brings the photograph upright."""


def read_image(path: str | Path) -> np.ndarray:
    """Reads a photograph upright (by its EXIF orientation), with transparency on white; of an animation, frame one.

    Returns:
        (H,W,3) uint8 RGB.

    Raises:
        UserError: if the file is not an image, is damaged, or a side is shorter than 16 pixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as opened:
                array = _to_rgb(_upright(opened))
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except Exception as error:  # the decoders raise nearly anything for damaged bytes
        reason = " ".join(str(error).replace(str(path), "").replace("''", "").split()) or type(error).__name__
        raise UserError(f"{path}: not a readable image ({reason})") from None
    if min(array.shape[:2]) < MIN_SIDE:
        raise UserError(f"{path}: {array.shape[1]}x{array.shape[0]} pixels, at least {MIN_SIDE}x{MIN_SIDE} are needed")
    return array


def _upright(image: Image.Image) -> Image.Image:
    """Applies the EXIF orientation; a photograph whose EXIF data is damaged stays as it is, its pixels may be good."""
    image.load()  # this already turns a TIFF, and then resets its orientation
    try:
        turn = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:
        turn = None
    return image if turn is None else image.transpose(turn)


def _to_rgb(image: Image.Image) -> np.ndarray:
    if image.mode.startswith(("I", "F")):
        values = np.asarray(image, np.float64)
        brightest = np.max(values, initial=0.0, where=np.isfinite(values))
        top = 65535.0 if image.mode.startswith("I") else max(float(brightest), 1e-12)
        grey = np.clip(np.nan_to_num(values / top * 255 + 0.5), 0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, (255, 255, 255, 255)), layer)
    return np.array(image.convert("RGB"))


def size_with_short_side(height: float, width: float, short_side: int, aspect: str) -> tuple[int, int]:
    """Height and width after resizing the shorter side to `short_side`, or both sides if the aspect is "square"."""
    if aspect == "square":
        return short_side, short_side
    scale = short_side / min(height, width)
    return max(round(height * scale), short_side), max(round(width * scale), short_side)


def resize(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resizes an image or map: area interpolation to shrink it (no aliasing), linear interpolation to enlarge it."""
    if image.shape[:2] == (height, width):
        return image
    shrinks = height * width < image.shape[0] * image.shape[1]
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def flip_frames(frames: np.ndarray) -> np.ndarray:
    """Mirrors (N,H,W,C) uint8 frames left to right, in place, and returns them."""
    for frame in frames:
        cv2.flip(frame, 1, frame)
    return frames

"""Photographs of every common kind as plain RGB."""

from __future__ import annotations

import warnings
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from i2vadapt.errors import UserError

MIN_SIDE = 16


def read_image(path: str | Path) -> np.ndarray:
    """Reads a photograph: upright by its EXIF orientation, first frame of an animation, transparency on white.

    Returns:
        (H,W,3) uint8 RGB.

    Raises:
        UserError: if the file is not an image, is damaged, or a side is shorter than 16 pixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as opened:
                array = _to_rgb(ImageOps.exif_transpose(opened))
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        reason = " ".join(str(error).replace(str(path), "").replace("''", "").split()) or type(error).__name__
        raise UserError(f"{path}: not a readable image ({reason})") from None
    if min(array.shape[:2]) < MIN_SIDE:
        raise UserError(f"{path}: {array.shape[1]}x{array.shape[0]} pixels, at least {MIN_SIDE}x{MIN_SIDE} are needed")
    return array


def _to_rgb(image: Image.Image) -> np.ndarray:
    if image.mode.startswith(("I", "F")):
        values = np.asarray(image, np.float64)
        top = 65535.0 if image.mode.startswith("I") else max(float(values.max()), 1e-12)
        grey = np.clip(values / top * 255 + 0.5, 0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, (255, 255, 255, 255)), layer)
    return np.array(image.convert("RGB"))


def size_with_short_side(height: int, width: int, short_side: int, aspect: str) -> tuple[int, int]:
    """Height and width after resizing so that the shorter side is `short_side`, or to a square with aspect "square"."""
    if aspect == "square":
        return short_side, short_side
    scale = short_side / min(height, width)
    return max(round(height * scale), short_side), max(round(width * scale), short_side)


def resize(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resizes an image or map: by area when it shrinks (no aliasing), linearly when it grows."""
    if image.shape[:2] == (height, width):
        return image
    shrinks = height * width < image.shape[0] * image.shape[1]
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def flip_frames(frames: np.ndarray) -> np.ndarray:
    """Mirrors (N,H,W,C) uint8 frames left to right."""
    mirrored = np.empty_like(frames, order="C")
    for frame, out in zip(frames, mirrored, strict=True):
        cv2.flip(frame, 1, out)
    return mirrored

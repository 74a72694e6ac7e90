"""Reading photographs of every common format as plain RGB, and resizing them."""

from __future__ import annotations

import logging
import warnings
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError, features

from i2vadapt.data.failures import raise_if_general
from i2vadapt.data.high_bit_depth import has_high_bit_depth, levels_of, refuse_black
from i2vadapt.data.image_kinds import picture_kind
from i2vadapt.data.picture_memory import decoding
from i2vadapt.data.png_repair import without_accessories
from i2vadapt.errors import UserError, cause
from i2vadapt.runtime.libtiff import silence_libtiff

MIN_SIDE = 16
_ROWS = 256  # rows that are converted at a time
_NOT_READ = {"HEIC", "JPEG XL"} | (set() if features.check("avif") else {"AVIF"})

# What Pillow warns of concerns data beside the picture. The filter is set once because setting it around each picture
# (`catch_warnings`) fails where several threads read.
warnings.filterwarnings("ignore", module=r"PIL\.")
logging.getLogger("PIL").setLevel(logging.CRITICAL)
silence_libtiff()


def read_image(path: str | Path) -> np.ndarray:
    """Reads a photograph upright (by its EXIF orientation), with transparency on white; of an animation, frame one.

    The format is recognised by the content. Threads of one process decode at most `PIXELS_AT_ONCE` pixels together, in
    7 bytes per pixel (WebP and AVIF 16), of which 3 are the result.

    Returns:
        (H,W,3) uint8 RGB.

    Raises:
        UserError: if the file is not an image, is damaged, has values without a known white, is black on the scale of
            its 16 bits, or a side is shorter than 16 pixels.
        OSError: if too many files are open.
    """
    path = Path(path)
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise UserError(f"{path}: not a regular file")  # a named pipe would be waited for
        array = _read(path)
    except OSError as error:
        raise_if_general(error)
        if error.errno is not None:
            raise UserError(f"{path}: cannot be read: {error.strerror}") from None
        raise UserError(f"{path}: not a readable image ({_reason(path, error)})") from None
    except UserError:
        raise
    except Exception as error:  # the decoders raise nearly anything for damaged bytes
        raise UserError(f"{path}: not a readable image ({_reason(path, error)})") from None
    if min(array.shape[:2]) < MIN_SIDE:
        raise UserError(f"{path}: {array.shape[1]}x{array.shape[0]} pixels, at least {MIN_SIDE}x{MIN_SIDE} are needed")
    return array


def _read(path: Path) -> np.ndarray:
    try:
        return _turned(*_decode(path, path))
    except (UserError, MemoryError):
        raise
    except Exception:
        reduced = without_accessories(path)
        if reduced is None:
            raise
        with closing(reduced):
            return _turned(*_decode(reduced, path))


def _decode(file: Path | BinaryIO, path: Path) -> tuple[np.ndarray, int]:
    """The picture as it is stored, (H,W,3) uint8, and its orientation."""
    with Image.open(file) as image, decoding(image.width * image.height):
        has_more_bits = has_high_bit_depth(image)
        image.load()  # this already turns a TIFF, and then resets its orientation
        array = _to_rgb(image, path)
        if has_more_bits:
            refuse_black(array, path)
        return array, _orientation(image)


def _reason(path: Path, error: Exception) -> str:
    if not isinstance(error, UnidentifiedImageError):
        return " ".join(cause(error).replace(str(path), "").replace("''", "").split()) or type(error).__name__
    kind = picture_kind(path)
    if kind in _NOT_READ:
        return f"Pillow {Image.__version__} does not read {kind}; convert it to JPEG or PNG"
    if kind == "TIFF":
        return "a damaged TIFF, or one of a kind that is not read; 8 or 16 bits per channel are"
    return f"a damaged {kind}" if kind else "cannot identify image file"


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation; a photograph whose EXIF data is damaged stays as it is, its pixels may be good."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:
        return 1


def _turned(array: np.ndarray, orientation: int) -> np.ndarray:
    """An array (H,W,3) brought upright; unknown orientations change nothing."""
    turned = {
        2: array[:, ::-1],
        3: array[::-1, ::-1],
        4: array[::-1],
        5: array.swapaxes(0, 1),
        6: np.rot90(array, -1),
        7: array[::-1, ::-1].swapaxes(0, 1),
        8: np.rot90(array),
    }
    return np.ascontiguousarray(turned.get(orientation, array))


def _to_rgb(image: Image.Image, path: Path) -> np.ndarray:
    """The pixels as (H,W,3) uint8, converted some rows at a time: whole copies would take three times the memory."""
    array = np.empty((image.height, image.width, 3), np.uint8)
    levels = levels_of(image, path) if image.mode.startswith(("I", "F")) else None
    for top in range(0, image.height, _ROWS):
        rows = np.s_[top : min(top + _ROWS, image.height)]
        if levels is not None:
            array[rows] = levels(rows)[..., None]
        else:
            array[rows] = np.asarray(_opaque(image.crop((0, rows.start, image.width, rows.stop))))
    if levels is not None:
        refuse_black(array, path)
    return array


def _opaque(image: Image.Image) -> Image.Image:
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, (255, 255, 255, 255)), layer)
    return image.convert("RGB")


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

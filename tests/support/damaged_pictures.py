"""Pictures of every format, and damage to them by seed."""

from __future__ import annotations

import io

import cv2
import numpy as np
from PIL import Image, PngImagePlugin

HEIGHT, WIDTH = 48, 64
FORMATS = {
    "jpg": "JPEG",
    "png": "PNG",
    "gif": "GIF",
    "webp": "WEBP",
    "tif": "TIFF",
    "bmp": "BMP",
    "avif": "AVIF",
    "ppm": "PPM",
    "jp2": "JPEG2000",
}


def smooth_picture(seed: int = 0) -> np.ndarray:
    """(H,W,3) uint8 of coloured clouds that fill the range."""
    noise = np.random.default_rng(seed).uniform(0, 255, (HEIGHT, WIDTH, 3)).astype(np.float32)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 4), None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


def encoded(suffix: str, mode: str = "RGB") -> bytes:
    """A picture with text, EXIF data and, in TIFF, a compression that libtiff decodes."""
    exif, text = Image.Exif(), PngImagePlugin.PngInfo()
    exif[0x0112], exif[0x010E] = 6, "a description"
    text.add_text("Comment", "some words")
    text.add_itxt("More", "other words" * 9, zip=True)
    options = {
        "jpg": {"exif": exif, "comment": b"words"},
        "png": {"exif": exif, "pnginfo": text},
        "webp": {"exif": exif},
        "avif": {"exif": exif},
        "tif": {"exif": exif, "compression": "tiff_lzw"},
    }
    file = io.BytesIO()
    Image.fromarray(smooth_picture()).convert(mode).save(file, FORMATS[suffix], **options.get(suffix, {}))
    return file.getvalue()


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """Changes some bytes of the header, or of the whole file, cuts it, drops a piece of it, or makes all of it up."""
    changed = bytearray(data)
    kind = rng.integers(5)
    if kind == 0:
        return bytes(changed[: rng.integers(len(changed))])
    if kind == 1:
        start = rng.integers(len(changed))
        return bytes(changed[:start] + changed[start + rng.integers(1, 40) :])
    if kind == 2:
        return bytes(changed[:16]) + rng.bytes(rng.integers(1, 2000))
    for place in rng.integers(200 if kind == 3 else len(changed), size=rng.integers(1, 8)):
        changed[place % len(changed)] = rng.integers(256)
    return bytes(changed)

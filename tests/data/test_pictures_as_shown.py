"""Pictures that viewers show and OpenCV reads, and those whose values nobody can show."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from damaged_pictures import FORMATS, encoded, smooth_picture
from PIL import Image, ImageOps, PngImagePlugin

from i2vadapt.data.image import read_image
from i2vadapt.data.image_kinds import picture_kind
from i2vadapt.errors import UserError

PIXELS = smooth_picture()


def chunk(name: bytes, data: bytes, crc: int | None = None) -> bytes:
    right = zlib.crc32(name + data)
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", right if crc is None else crc)


def png(*accessories: bytes, mode: str = "RGB") -> bytes:
    """A PNG with chunks between its header and its picture."""
    file = io.BytesIO()
    Image.fromarray(PIXELS).convert(mode).save(file, "PNG")
    data = file.getvalue()
    return data[:33] + b"".join(accessories) + data[33:]


@pytest.mark.parametrize("name", [b"tEXt", b"zTXt", b"iTXt", b"iCCP", b"pHYs", b"gAMA", b"tIME", b"eXIf", b"prVt"])
@pytest.mark.parametrize("crc", [0, None])
def test_damage_beside_the_picture_costs_no_png(tmp_path: Path, name: bytes, crc: int | None) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png(chunk(name, b"not what it should be", crc)))
    assert (read_image(path) == PIXELS).all()
    assert (cv2.imread(str(path), cv2.IMREAD_COLOR_RGB) == PIXELS).all()


def test_large_texts_cost_no_png(tmp_path: Path) -> None:
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", "x" * 1_500_000, zip=True)
    for number in range(60):
        text.add_text(f"c{number}", "y" * 900_000, zip=True)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(PIXELS).save(tmp_path / "a.png", pnginfo=text, exif=exif)
    assert (read_image(tmp_path / "a.png") == np.rot90(PIXELS, -1)).all()


def test_transparency_survives_damage_beside_it(tmp_path: Path) -> None:
    file = io.BytesIO()
    palette = Image.fromarray(PIXELS).quantize(8)
    palette.save(file, "PNG", transparency=palette.getpixel((0, 0)))
    whole, damaged = tmp_path / "whole.png", tmp_path / "damaged.png"
    whole.write_bytes(file.getvalue())
    damaged.write_bytes(file.getvalue()[:33] + chunk(b"tEXt", b"a\0b", 0) + file.getvalue()[33:])
    assert (read_image(damaged) == read_image(whole)).all()
    assert (read_image(damaged)[0, 0] == 255).all()


@pytest.mark.parametrize("place", [20, 60, 300, -30])
def test_damage_to_the_picture_itself_is_told(tmp_path: Path, place: int) -> None:
    data = bytearray(png(chunk(b"tEXt", b"a\0b", 0)))
    data[place] ^= 0x55
    (tmp_path / "a.png").write_bytes(data)
    (tmp_path / "cut.png").write_bytes(data[:400])
    for name in ("a.png", "cut.png"):
        with pytest.raises(UserError, match=rf"{name}: not a readable image"):
            read_image(tmp_path / name)


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_content_decides_and_not_the_suffix(tmp_path: Path, suffix: str) -> None:
    named = tmp_path / f"a.{suffix}"
    named.write_bytes(encoded(suffix))
    for name in ("b.jpg", "b.png", "b", "b.large"):
        (tmp_path / name).write_bytes(encoded(suffix))
        assert (read_image(tmp_path / name) == read_image(named)).all()
        assert picture_kind(tmp_path / name)
    # OpenCV 5.0 fails on a turned TIFF, which has no losses.
    flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
    expected = PIXELS.astype(int) if suffix == "tif" else cv2.imread(str(named), flags).astype(int)
    if suffix in ("jpg", "png", "webp", "tif", "avif"):  # OpenCV does not turn all of them
        expected = np.rot90(expected, -1)
    assert np.abs(expected - read_image(named)).max() <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientations_of_jpeg_and_avif(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    for name in ("a.jpg", "a.avif"):
        Image.fromarray(PIXELS).save(tmp_path / name, exif=exif, quality=95)
        with Image.open(tmp_path / name) as opened:
            assert (read_image(tmp_path / name) == np.asarray(ImageOps.exif_transpose(opened))).all()
    assert (read_image(tmp_path / "a.jpg") == cv2.imread(str(tmp_path / "a.jpg"), cv2.IMREAD_COLOR_RGB)).all()


@pytest.mark.parametrize(
    ("name", "mode"),
    [("a.png", "1"), ("a.png", "P"), ("a.png", "L"), ("a.jpg", "CMYK"), ("a.tif", "CMYK"), ("a.jpg", "L")],
)
def test_modes_look_as_in_opencv(tmp_path: Path, name: str, mode: str) -> None:
    # Pillow writes CMYK as Adobe does, inverted in a JPEG.
    Image.fromarray(PIXELS).convert(mode).save(tmp_path / name)
    expected = cv2.imread(str(tmp_path / name), cv2.IMREAD_COLOR_RGB)
    assert np.abs(read_image(tmp_path / name).astype(int) - expected).max() <= 1


@pytest.mark.parametrize("kind", [np.uint16, np.int32])
def test_integers_of_16_bits_have_their_white_at_65535(tmp_path: Path, kind: type) -> None:
    grey = PIXELS[..., 0]
    Image.fromarray((grey.astype(np.int32) * 257).astype(kind)).save(tmp_path / "a.tif")
    assert (read_image(tmp_path / "a.tif") == grey[..., None]).all()


@pytest.mark.parametrize(
    "values",
    [
        PIXELS[..., 0].astype(np.int32),
        PIXELS[..., 0].astype(np.uint16),
        PIXELS[..., 0].astype(np.uint16) * 15,  # 12 bits
        np.zeros((48, 64), np.float32),
        np.where(np.arange(64) == np.zeros((48, 1)), 1e9, 1.0).astype(np.float32)[:, 1:],  # reached by nothing
    ],
)
def test_pictures_that_would_be_black_are_refused_or_scaled(tmp_path: Path, values: np.ndarray) -> None:
    Image.fromarray(values).save(tmp_path / "a.tif")
    if values.dtype == np.float32 and values.any():
        assert (read_image(tmp_path / "a.tif") == 255).all()
        return
    with pytest.raises(UserError, match=r"a\.tif: black on the scale of its 16 or more bits: .* save it with 8 bits"):
        read_image(tmp_path / "a.tif")


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_colours_of_16_bits_that_would_be_black_are_refused(tmp_path: Path, suffix: str) -> None:
    cv2.imwrite(str(tmp_path / f"a.{suffix}"), PIXELS.astype(np.uint16))
    with pytest.raises(UserError, match="black on the scale"):
        read_image(tmp_path / f"a.{suffix}")
    black = tmp_path / "night.png"  # of 8 bits, it is what it is
    Image.new("RGB", (64, 48)).save(black)
    assert not read_image(black).any()


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        (PIXELS[..., 0].astype(np.int32) * 8_000_000, "values from 0 to "),
        (PIXELS[..., 0] - np.float32(128), "-104 to 44"),
    ],
)
def test_values_whose_white_is_unknown_are_refused(tmp_path: Path, values: np.ndarray, shown: str) -> None:
    Image.fromarray(values).save(tmp_path / "a.tif")
    with pytest.raises(UserError, match=f"{shown}.*what is black and white in it is unknown"):
        read_image(tmp_path / "a.tif")


def test_kinds_that_are_not_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 99)
    cv2.imwrite(str(tmp_path / "a.tif"), PIXELS.astype(np.float32))
    (tmp_path / "a.avif").write_bytes(encoded("avif")[:60])
    os.mkfifo(tmp_path / "pipe.jpg")
    for name, words in {
        "a.heic": "does not read HEIC; convert it",
        "a.tif": "one of a kind that is not read; 8 or 16",
        "a.avif": "not a readable image",
        "pipe.jpg": "not a regular file",
    }.items():
        with pytest.raises(UserError, match=words) as caught:
            read_image(tmp_path / name)
        assert "\n" not in str(caught.value)
    assert "does not read AVIF" not in str(caught.value)

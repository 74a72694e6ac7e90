from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from i2vadapt.data.image import read_image, resize, size_with_short_side
from i2vadapt.errors import UserError


def corners(height: int = 20, width: int = 30) -> np.ndarray:
    """Black with a red top left and a blue bottom right quarter."""
    image = np.zeros((height, width, 3), np.uint8)
    image[: height // 2, : width // 2, 0] = 255
    image[height // 2 :, width // 2 :, 2] = 255
    return image


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".webp"])
def test_plain_files(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    Image.fromarray(corners()).save(path, **({"lossless": True} if suffix == ".webp" else {}))
    assert (read_image(path) == corners()).all()


def test_exif_orientation_is_applied(tmp_path: Path) -> None:
    path = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it rotated clockwise by a quarter
    Image.fromarray(corners()).save(path, exif=exif, quality=95, subsampling=0)
    image = read_image(path)
    assert image.shape == (30, 20, 3)
    assert image[3, 16].tolist() == pytest.approx([255, 0, 0], abs=8)  # red went to the top right
    assert image[26, 3].tolist() == pytest.approx([0, 0, 255], abs=8)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
@pytest.mark.parametrize("orientation", range(1, 10))
def test_every_orientation_in_every_format(tmp_path: Path, suffix: str, orientation: int) -> None:
    path = tmp_path / f"a{suffix}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(corners()).save(path, exif=exif, **({"lossless": True} if suffix == ".webp" else {}))
    with Image.open(path) as opened:
        assert (read_image(path) == np.asarray(ImageOps.exif_transpose(opened))).all()


@pytest.mark.parametrize(("place", "value"), [(11, 0), (11, 26), (11, 84), (35, 152), (37, 16)])
def test_damaged_exif_costs_no_photograph(tmp_path: Path, place: int, value: int) -> None:
    """Bytes at which ImageOps.exif_transpose of Pillow 13 fails in five different ways."""
    entries = b"\x01\x0e\x00\x02\0\0\0\x15\0\0\0\x32", b"\x01\x12\0\x03\0\0\0\x01\0\x06\0\0"
    entries += (b"\x82\x9a\0\x0c\0\0\0\x01\0\0\0\x48",)
    exif = b"MM\0*\0\0\0\x08\0\x03" + b"".join(entries) + b"\0\0\0\0" + 20 * b"x" + b"\0\0?\xf8" + 6 * b"\0"
    whole, damaged = tmp_path / "whole.jpg", tmp_path / "damaged.jpg"
    for path, data in ((whole, exif), (damaged, exif[:place] + bytes([value]) + exif[place + 1 :])):
        Image.fromarray(corners()).save(path, exif=b"Exif\0\0" + data, quality=95, subsampling=0)
    assert read_image(whole).shape == (30, 20, 3)
    assert sorted(read_image(damaged).shape) == [3, 20, 30]


def test_floating_point_with_values_that_are_none(tmp_path: Path) -> None:
    ramp = np.linspace(0, 2, 32, dtype=np.float32)[None].repeat(16, 0)
    ramp[0, :3] = (np.nan, np.inf, -np.inf)
    Image.fromarray(ramp).save(tmp_path / "a.tif")
    image = read_image(tmp_path / "a.tif")
    assert image[0, :3, 0].tolist() == [0, 255, 0]
    assert np.abs(image[1, :, 0].astype(int) - np.linspace(0, 255, 32)).max() <= 1


def test_colour_of_16_bits(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 32).astype(np.uint16)[None].repeat(16, 0)
    for suffix in (".png", ".tif"):
        cv2.imwrite(str(tmp_path / f"a{suffix}"), np.dstack([ramp, 0 * ramp, ramp[:, ::-1]]))  # blue first
        image = read_image(tmp_path / f"a{suffix}").astype(int)
        assert np.abs(image[0, :, 2] - np.linspace(0, 255, 32)).max() <= 1
        assert np.abs(image[0, :, 0] - np.linspace(255, 0, 32)).max() <= 1
        assert not image[..., 1].any()


def test_transparency_shows_white(tmp_path: Path) -> None:
    layers = np.dstack([corners(), np.zeros((20, 30), np.uint8)])
    layers[:, :15, 3] = 255
    Image.fromarray(layers).save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    assert image[3, 3].tolist() == [255, 0, 0]
    assert (image[:, 15:] == 255).all()
    palette = Image.fromarray(corners()).quantize(4)
    palette.save(tmp_path / "a.gif", transparency=palette.getpixel((0, 0)))
    assert (read_image(tmp_path / "a.gif")[3, 3] == 255).all()


def test_grey_of_8_and_16_bits_cmyk_and_the_first_frame_of_an_animation(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 32).astype(np.uint16)[None].repeat(16, 0)
    Image.fromarray(ramp).save(tmp_path / "deep.png")
    deep = read_image(tmp_path / "deep.png")
    assert np.abs(deep[0, :, 0].astype(int) - np.linspace(0, 255, 32)).max() <= 1
    Image.fromarray((ramp >> 8).astype(np.uint8)).save(tmp_path / "grey.png")
    assert np.abs(read_image(tmp_path / "grey.png").astype(int) - deep).max() <= 1
    Image.fromarray(corners()).convert("CMYK").save(tmp_path / "print.tif")
    assert read_image(tmp_path / "print.tif")[3, 3].tolist() == pytest.approx([255, 0, 0], abs=3)
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "film.gif", save_all=True, append_images=frames[1:])
    assert read_image(tmp_path / "film.gif")[0, 0].tolist() == [255, 0, 0]


def test_unusable_files_are_one_line_with_the_path(tmp_path: Path) -> None:
    whole = tmp_path / "whole.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)).save(whole)
    (tmp_path / "cut.jpg").write_bytes(whole.read_bytes()[:1500])
    (tmp_path / "text.jpg").write_text("hello")
    (tmp_path / "empty.png").touch()
    Image.fromarray(corners(15, 40)).save(tmp_path / "thin.png")
    for name in ("cut.jpg", "text.jpg", "empty.png", "missing.jpg", "thin.png"):
        with pytest.raises(UserError) as caught:
            read_image(tmp_path / name)
        message = str(caught.value)
        assert message.startswith(f"{tmp_path / name}: ")
        assert message.count(str(tmp_path)) == 1
        assert "\n" not in message
    assert "40x15 pixels, at least 16x16" in message


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [(480, 640, (120, 160)), (640, 480, (160, 120)), (100, 100, (120, 120)), (333, 1000, (120, 360))],
)
def test_size_with_short_side(height: int, width: int, expected: tuple[int, int]) -> None:
    assert size_with_short_side(height, width, 120, "keep") == expected
    assert size_with_short_side(height, width, 120, "square") == (120, 120)


def test_shrinking_averages_and_growing_interpolates() -> None:
    board = np.indices((40, 40)).sum(0)[..., None].repeat(3, 2) % 2 * 255
    assert (np.abs(resize(board.astype(np.uint8), 10, 10).astype(int) - 127.5) < 2).all()  # no aliasing
    ramp = np.tile(np.array([0.0, 3.0], np.float32), (2, 1))
    assert resize(ramp, 2, 4)[0].tolist() == pytest.approx([0, 0.75, 2.25, 3])
    image = corners()
    assert resize(image, 20, 30) is image

"""Photographs of every kind, good and bad, through the commands that read them."""

from __future__ import annotations

import csv
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from photograph_benchmark import write_photograph_benchmark
from PIL import Image

from i2vadapt.cli import main
from i2vadapt.data.items import read_items
from i2vadapt.data.shards.reader import ShardReader

GOOD = {
    "plain.png": (48, 64),
    "grey.png": (48, 64),
    "two levels.png": (48, 64),
    "palette.gif": (48, 64),
    "transparent.png": (48, 64),
    "print.jpg": (48, 64),
    "deep grey.png": (48, 64),
    "deep colour.tif": (48, 64),
    "turned.jpg": (64, 48),
    "film.gif": (48, 64),
    "film.webp": (48, 64),
    "wörld.PNG": (48, 64),
}
"""Height and width of each as people see it."""
BAD = {
    "dot.png": "1x1 pixels, at least 16x16 are needed",
    "cut.jpg": "not a readable image",
    "text.jpg": "not a readable image",
    "empty.png": "",
}
SMALL = '{"model": "dpt_small", "precision": "float32"}'


def write_pictures(folder: Path) -> None:
    noise = np.random.default_rng(0).uniform(0, 255, (48, 64, 3)).astype(np.float32)
    pixels = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 5), None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    image, other = Image.fromarray(pixels), Image.fromarray(pixels[::-1].copy())
    image.save(folder / "plain.png")
    image.convert("L").save(folder / "grey.png")
    image.convert("1").save(folder / "two levels.png")
    image.quantize(32).save(folder / "palette.gif")
    image.convert("RGBA").save(folder / "transparent.png")
    image.convert("CMYK").save(folder / "print.jpg")
    Image.fromarray(pixels[..., 0].astype(np.uint16) * 257).save(folder / "deep grey.png")
    cv2.imwrite(str(folder / "deep colour.tif"), pixels.astype(np.uint16)[..., ::-1] * 257)
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(folder / "turned.jpg", exif=exif)
    image.save(folder / "film.gif", save_all=True, append_images=[other])
    image.save(folder / "film.webp", save_all=True, append_images=[other])
    other.save(folder / "wörld.PNG")
    Image.fromarray(pixels[:1, :1]).save(folder / "dot.png")
    (folder / "cut.jpg").write_bytes((folder / "print.jpg").read_bytes()[:900])
    (folder / "text.jpg").write_text("hello")
    (folder / "empty.png").touch()


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of photographs, one of them odd; and a benchmark of them."""
    root = tmp_path_factory.mktemp("kinds")
    for name in ("odd", "even"):
        (root / "photos" / name).mkdir(parents=True)
    write_pictures(root / "photos" / "odd")
    Image.new("RGB", (40, 40), "red").save(root / "photos" / "even" / "red.png")
    write_photograph_benchmark(root, "kinds", ("odd", "even"))
    command = ["manifest", "--benchmark", str(root / "kinds.yaml"), "--side", "source", "--out", str(root / "out")]
    assert main(command) == 0
    return root


def test_the_manifest_takes_the_good_and_tells_why_not_the_bad(photos: Path) -> None:
    items = read_items(photos / "out" / "manifest.csv")
    assert {item.id for item in items} == {*(f"odd/{name}" for name in GOOD), "even/red.png"}
    with (photos / "out" / "excluded.csv").open(encoding="utf-8") as file:
        reasons = {row["id"].removeprefix("odd/"): row["reason"] for row in csv.DictReader(file)}
    assert reasons.keys() == BAD.keys()
    for name, reason in BAD.items():
        assert reasons[name].startswith("unreadable: ")
        assert reason in reasons[name]


def test_the_depth_stage_gives_each_its_size_and_leaves_out_what_went_bad(photos: Path, tmp_path: Path) -> None:
    table = tmp_path / "items.csv"
    text = (photos / "out" / "items" / "0000.csv").read_text()
    good = next(line for line in text.splitlines() if "plain.png" in line)
    table.write_text(text + "".join(good.replace("plain.png", name) + "\n" for name in BAD))
    command = ["depth", "--items", str(table), "--out", str(tmp_path / "0000.h5"), "--settings", SMALL]
    assert main([*command, "--max-failed-share", "0.5"]) == 0
    reader = ShardReader(tmp_path / "0000.h5", "depth")
    for name, size in GOOD.items():
        depth = reader.frames(reader.index(f"odd/{name}"))[0]
        assert depth.shape == size
        assert (depth.min(), depth.max()) == (0, 65535)
    # the same pixels in another kind of file
    plain = reader.frames(reader.index("odd/plain.png"))
    assert np.array_equal(plain, reader.frames(reader.index("odd/transparent.png")))
    assert np.abs(plain.astype(int) - reader.frames(reader.index("odd/deep colour.tif"))).max() < 66
    assert {failure.id.removeprefix("odd/") for failure in reader.failures} == BAD.keys()


def test_plain_files_of_every_kind(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # one name each: a map is called like its photograph
    names = [name for name in (*GOOD, *BAD) if name != "film.webp"]
    paths = [str(photos / "photos" / "odd" / name) for name in names]
    assert main(["depth", *paths, "--out", str(tmp_path / "maps"), "--settings", SMALL]) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("i2vadapt: error: ")]
    assert len(lines) == len(BAD)
    for name, line in zip(BAD, lines, strict=True):
        assert f"/{name}: " in line
    for name in names[: -len(BAD)]:
        depth = cv2.imread(str(tmp_path / "maps" / f"{Path(name).stem}.png"), cv2.IMREAD_UNCHANGED)
        assert depth.shape == GOOD[name]


@pytest.mark.parametrize("name", ["palette.gif", "print.jpg", "deep grey.png", "turned.jpg", "film.webp"])
def test_clips_from_every_kind(photos: Path, tmp_path: Path, name: str) -> None:
    out = tmp_path / "clip.mp4"
    command = ["synthesize", str(photos / "photos" / "odd" / name), "--out", str(out), "--depth-settings", SMALL]
    assert main([*command, "--settings", '{"frames": 2, "short_side": 48}']) == 0
    with av.open(str(out)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == 2
    assert frames[0].shape[:2] == GOOD[name]


@pytest.mark.parametrize("name", BAD)
def test_no_clip_from_a_bad_one(photos: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "clip.mp4"
    command = ["synthesize", str(photos / "photos" / "odd" / name), "--out", str(out), "--depth-settings", SMALL]
    assert main(command) == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("i2vadapt: error: ")]
    assert f"/{name}: " in line
    assert not out.exists()

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
import torch

from i2vadapt.cli import main
from i2vadapt.data.items import write_items
from i2vadapt.data.shards.codec import encode_jpeg
from i2vadapt.data.shards.format import Encoded, Failed, write_shard_file


def write_shard(path: Path) -> None:
    frame = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
    results = [
        Encoded("a", 0, [encode_jpeg(frame, 90)] * 2, {"height": 24, "width": 32, "fps": 25.0}),
        Failed("b.mp4", "cannot be read"),
    ]
    write_shard_file(path, "frames", results, {"stage": "decode", "settings": {}, "package": "0", "inputs": {}})


def write_cut_shard(path: Path) -> None:
    write_shard(path)
    path.write_bytes(path.read_bytes()[:-500])


def write_foreign(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["weights"] = np.zeros(3)


OTHERS: list[tuple[str, Callable[[Path], object], str]] = [
    ("manifest.csv", lambda path: write_items(path, []), "not a shard but a table of items (CSV); view shows"),
    ("folder", Path.mkdir, "not a shard but a folder; view shows"),
    (
        "a.png",
        lambda path: cv2.imwrite(str(path), np.zeros((9, 9), np.uint8)),
        "not a shard but a picture (PNG); view shows",
    ),
    ("checkpoint.pt", lambda path: torch.save({}, path), "not a shard but a checkpoint or another ZIP archive; view"),
    ("notes.md", lambda path: path.write_text("Grüße\n" * 99), "not a shard but text; view shows"),
    ("empty.txt", Path.touch, "not a shard but an empty file; view shows"),
    ("noise", lambda path: path.write_bytes(b"\x00\x01\xff" * 300), "not a readable shard: its content is not HDF5"),
    ("model.h5", write_foreign, "not a shard: an HDF5 file of another program"),
    ("none.h5", lambda path: None, "no such shard; run the stage that makes it"),
]
DAMAGED: list[tuple[Callable[[Path], object], str]] = [
    (write_cut_shard, "not a readable shard: damaged or cut short; delete it and run its stage again"),
    (Path.touch, "not a readable shard: an empty file; if a stage made it, delete it and run its stage again"),
    (
        lambda path: path.write_bytes(bytes(3000)),
        "not a readable shard: its content is not HDF5; if a stage made it, delete it and run its stage again",
    ),
]


def view(path: Path, capfd: pytest.CaptureFixture[str]) -> str:
    """The only line that is printed."""
    assert main(["view", str(path), "--out", str(path.parent / "sheet.png")]) == 1
    (line,) = capfd.readouterr().err.splitlines()
    return line.removeprefix(f"i2vadapt: error: {path}: ")


@pytest.mark.parametrize(("name", "write", "message"), OTHERS)
def test_what_is_no_shard_is_named_and_never_to_be_deleted(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str, write: Callable[[Path], object], message: str
) -> None:
    write(tmp_path / name)
    line = view(tmp_path / name, capfd)
    assert line.startswith(message)
    assert "delete" not in line


@pytest.mark.parametrize(("write", "message"), DAMAGED)
def test_what_must_have_been_a_shard_is_made_again(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], write: Callable[[Path], object], message: str
) -> None:
    write(tmp_path / "0000.h5")
    assert view(tmp_path / "0000.h5", capfd) == message


def test_items_that_failed_are_listed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_shard(tmp_path / "0000.h5")
    assert main(["view", str(tmp_path / "0000.h5"), "--out", str(tmp_path / "sheet.png")]) == 0
    assert capfd.readouterr() == ("failed: b.mp4: cannot be read\n", "")
    assert cv2.imread(str(tmp_path / "sheet.png")) is not None

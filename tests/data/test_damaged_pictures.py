"""Damaged pictures through the stages that read them: each ends in the shard, or with its name among the failures."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from damaged_pictures import FORMATS, damaged, encoded, smooth_picture
from photograph_benchmark import write_photograph_benchmark
from PIL import Image

from i2vadapt.data.items import Item, read_items, write_items
from i2vadapt.data.shards.reader import ShardReader

MODES = {"png": ("RGB", "P", "RGBA", "1", "I;16"), "tif": ("RGB", "CMYK", "F", "I", "LA"), "jpg": ("RGB", "CMYK", "L")}
SMALL = json.dumps({"model": "dpt_small", "precision": "float32"})
TINY = json.dumps({"frames": 2, "short_side": 32})
OURS = re.compile(r"\d\d:\d\d:\d\d |i2vadapt: error: ")


def run(*arguments: str | Path) -> None:
    """Runs a command that must succeed and print nothing but its own lines."""
    done = subprocess.run([sys.executable, "-m", "i2vadapt", *map(str, arguments)], capture_output=True, check=False)
    lines = done.stderr.decode(errors="replace").splitlines()
    assert done.returncode == 0, lines[-20:]
    assert [line for line in lines if not OURS.match(line)] == []


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A dataset of damaged pictures, with one good picture in each class."""
    root = tmp_path_factory.mktemp("damaged")
    for name in ("good", "bad"):
        (root / "photos" / name).mkdir(parents=True)
        Image.fromarray(smooth_picture(len(name))).save(root / "photos" / name / "whole.png")
    for number in range(request.config.getoption("--fuzz")):
        rng = np.random.default_rng([7, number])
        suffix = list(FORMATS)[number % len(FORMATS)]
        data = damaged(encoded(suffix, str(rng.choice(MODES.get(suffix, ("RGB",))))), rng)
        (root / "photos" / "bad" / f"{number}.{suffix}").write_bytes(data)
    write_photograph_benchmark(root, "damaged", ("good", "bad"))
    return root


def test_damaged_pictures_are_taken_or_told(pictures: Path) -> None:
    run("manifest", "--benchmark", pictures / "damaged.yaml", "--side", "source", "--out", pictures / "out")
    files = {path.relative_to(pictures / "photos").as_posix() for path in (pictures / "photos").rglob("*.*")}
    taken = {item.id for item in read_items(pictures / "out" / "manifest.csv")}
    with (pictures / "out" / "excluded.csv").open(encoding="utf-8") as file:
        reasons = {row["id"]: row["reason"] for row in csv.DictReader(file)}
    assert taken | reasons.keys() == files
    assert not taken & reasons.keys()
    assert all(reason and "\n" not in reason and str(pictures) not in reason for reason in reasons.values())

    # The stages get all files, as if they had been damaged after the manifest.
    items = [Item(name, str(pictures / "photos" / name), "bad", 1, "") for name in sorted(files)]
    write_items(pictures / "all.csv", items)
    stage = ["--items", pictures / "all.csv", "--max-failed-share", "1"]
    run("depth", *stage, "--out", pictures / "depth.h5", "--settings", SMALL)
    depth = ShardReader(pictures / "depth.h5", "depth")
    assert {*depth.ids, *(failed.id for failed in depth.failures)} == files
    assert taken <= set(depth.ids)
    assert all(failed.reason.startswith(f"{pictures / 'photos' / failed.id}: ") for failed in depth.failures)
    frames = ["--depth", pictures / "depth.h5", "--workers", "1", "--settings", TINY]
    run("synthesize", *stage, *frames, "--out", pictures / "frames.h5")
    made = ShardReader(pictures / "frames.h5", "frames")
    assert {*made.ids, *(failed.id for failed in made.failures)} == set(depth.ids)

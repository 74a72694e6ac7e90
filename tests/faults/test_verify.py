"""The command verify, on shards that are damaged in every way we know."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from killing import Forks, Outcome
from stage_data import STAGES, StageData

from i2vadapt import stages
from i2vadapt.cli import main
from i2vadapt.data.items import read_items, write_items
from i2vadapt.files import superseded

KINDS = {"depth": "photos/depth", "synthesize": "photos/frames", "decode": "videos/frames", "flow": "videos/flow"}
Run = Callable[[Path], tuple[int, list[str]]]


@pytest.fixture
def results(whole: dict[str, Outcome], stage_data: StageData, tmp_path: Path) -> Path:
    """The shards of uninterrupted runs as two datasets of one shard each."""
    folder = tmp_path / "results" / "datasets"
    for name in ("photos", "videos"):
        (folder / name / "items").mkdir(parents=True)
        for table in ("manifest.csv", "items/0000.csv"):
            shutil.copy(stage_data.folder / f"{name}.csv", folder / name / table)
    for stage in STAGES:
        (folder / KINDS[stage]).mkdir()
        shutil.copy(stage_data.shard(stage), folder / KINDS[stage])
    return tmp_path / "results"


@pytest.fixture
def verify(capfd: pytest.CaptureFixture[str]) -> Run:
    """Runs the command: exit status, and the lines that it printed."""

    def run(folder: Path) -> tuple[int, list[str]]:
        capfd.readouterr()
        status = main(["verify", str(folder), "--workers", "1"])
        printed = capfd.readouterr()
        assert "Traceback" not in printed.err
        return status, printed.out.splitlines()

    return run


def test_what_was_made_whole_is_right(results: Path, verify: Run) -> None:
    status, lines = verify(results)
    assert status == 0
    assert len(lines) == 1
    assert lines[0].startswith("4 shards of 2 datasets, ")


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size * 2 // 3)


def zero_in_the_middle(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(bytes(1000))


def unfinished(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file.attrs["complete"]


def shift_an_offset(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["offsets"][3] += 1


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (truncate, "not a readable shard"),
        (zero_in_the_middle, "content differs from what was written"),
        (unfinished, "unfinished"),
        (shift_an_offset, "content differs from what was written"),
        (Path.unlink, "no such shard"),
    ],
)
def test_a_damaged_shard_is_reported_and_redone_by_its_stage(
    results: Path,
    verify: Run,
    forks: Forks,
    stage_data: StageData,
    stage: str,
    damage: Callable[[Path], None],
    problem: str,
) -> None:
    path = results / "datasets" / KINDS[stage] / "0000.h5"
    damage(path)
    status, lines = verify(results)
    assert status == 1
    assert [line for line in lines if line.startswith(f"{path}: ") and problem in line]
    assert lines[-1].startswith("to repair: snakemake --cores all --forcerun ")
    assert str(path) in lines[-1]
    if stage in ("decode", "flow"):
        again = forks.run(stage_data.command(stage, path))
        assert again.status == 0, again.log
        assert path.read_bytes() == stage_data.shard(stage).read_bytes()


def test_zeros_anywhere_are_found_and_never_a_traceback(results: Path, verify: Run) -> None:
    path = results / "datasets" / "videos" / "frames" / "0000.h5"
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for start in [0, *rng.integers(0, 4000, 12).tolist(), *rng.integers(0, len(whole), 12).tolist()]:
        damaged = bytearray(whole)
        damaged[start : start + 512] = bytes(len(damaged[start : start + 512]))
        if damaged == whole:
            continue
        path.write_bytes(damaged)
        status, _ = verify(results)
        assert status == 1, start


def rewrite_table(folder: Path) -> None:
    table = folder / "items" / "0000.csv"
    items = read_items(table)
    write_items(table, items[1:])


def test_shards_that_do_not_fit_the_manifest_or_each_other(
    results: Path, verify: Run, forks: Forks, stage_data: StageData, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos, videos = results / "datasets" / "photos", results / "datasets" / "videos"
    rewrite_table(videos)
    other = [*stage_data.command("synthesize", photos / "frames" / "0000.h5"), "--seed", "1"]
    assert forks.run(other).status == 0
    (videos / "flow" / "0000.h5.partial").mkdir()
    shutil.copy(photos / "depth" / "0000.h5", photos / "depth" / "0007.h5")
    raised = [
        dataclasses.replace(stage, version=99) if stage is stages.DEPTH else stage for stage in stages.PREPROCESSING
    ]
    monkeypatch.setattr(stages, "PREPROCESSING", tuple(raised))
    status, lines = verify(results)
    assert status == 1
    for expected in (
        f"{videos / 'manifest.csv'}: is not the sum of the tables in items/",
        f"{videos / 'frames' / '0000.h5'}: made from other items or contents than the manifest lists",
        f"{videos / 'frames' / '0000.h5'}: 0 items are missing, 1 unexpected",
        f"{videos / 'flow' / '0000.h5.partial'}: batches of a finished shard are left",
        f"{photos / 'depth' / '0007.h5'}: there is no table of items for it",
        f"{photos / 'depth' / '0000.h5'}: made by version {stages.DEPTH.version} of stage depth, the package has 99",
    ):
        assert expected in lines
    assert "manifest_videos" in lines[-1]


def test_flow_of_other_frames_is_reported(results: Path, verify: Run, forks: Forks, stage_data: StageData) -> None:
    frames = results / "datasets" / "videos" / "frames" / "0000.h5"
    command = stage_data.command("decode", frames)
    command[command.index("--settings") + 1] = '{"short_side": 32, "quality": 50}'
    assert forks.run(command).status == 0
    status, lines = verify(results)
    flow = results / "datasets" / "videos" / "flow" / "0000.h5"
    assert status == 1
    assert f"{flow}: made from other frames than {frames}" in lines


def test_a_folder_without_results_is_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(tmp_path)]) == 1
    assert f"{tmp_path}: no dataset" in capfd.readouterr().err


def test_superseded_shards_are_listed_and_cleared(
    results: Path, verify: Run, capfd: pytest.CaptureFixture[str]
) -> None:
    shard = results / "datasets" / "photos" / "depth" / "0000.h5"
    superseded.set_aside(shard)
    (version,) = superseded.earlier(shard)
    size = version.stat().st_size
    os.replace(shutil.copy(version, results / "copy"), version)  # a file of its own, as after a new shard
    status, lines = verify(results)
    assert status == 0
    assert f"{version}: made with earlier settings; it is taken back if they return" in lines
    assert lines[-1] == f"1 superseded, {size / 1e6:.0f} MB; to delete: i2vadapt clear {results}"
    assert main(["clear", str(results)]) == 0
    assert capfd.readouterr().out == f"1 superseded shards and trainings deleted, {size / 1e6:.0f} MB\n"
    assert not version.parent.exists()
    assert "superseded" not in "".join(verify(results)[1])

"""The command status, on files as jobs leave them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from small_project import CONFIG, ROOT

from i2vadapt.cli import main
from i2vadapt.files.locking import is_locked
from i2vadapt.layout import Results, partial_folder
from i2vadapt.training.lock import lock_folder

RESULTS = Results(Path("results"))


def write(path: Path, text: str = "", age: float = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (path.stat().st_mtime - age,) * 2)


@pytest.fixture
def project(folder: Path) -> Path:
    (folder / "workflow").symlink_to(ROOT / "workflow")
    (folder / "config.yaml").write_text(CONFIG)
    return folder


def states(capsys: pytest.CaptureFixture[str], *targets: str) -> dict[tuple[str, str], tuple[str, str | None]]:
    assert main(["status", "--json", *targets]) == 0
    found = json.loads(capsys.readouterr().out)["jobs"]
    return {(job["stage"], job["shard"] or job["name"]): (job["state"], job["error"]) for job in found}


def test_done_running_failed_stopped_and_missing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos = RESULTS.dataset("my-photos")
    write(photos.manifest)
    write(photos.shard("depth", "0000"))
    write(RESULTS.log("depth", "my-photos-0000"), "i2vadapt: error: of an earlier attempt\n")
    failed = "12:00:00 x\ni2vadapt: error: a\ni2vadapt: error: the disk is full\n"
    write(RESULTS.log("depth", "my-photos-0001"), failed)
    write(RESULTS.log("depth", "my-photos-0002"), "12:00:00 depth: 3 of 8 images\n")
    partial_folder(photos.shard("frames", "0001")).mkdir(parents=True)
    write(RESULTS.log("synthesize", "my-photos-0001"), "12:00:00 3 of 8\n", age=3600)
    run = RESULTS.run("mine", "rgb", 0)
    write(run.metrics, "epoch,loss\n1,0.5\n2,0.4\n")
    write(RESULTS.log("train", "mine-rgb_pace-0"), "Traceback (most recent call last):\n  x\nValueError: no\n")
    with lock_folder(run.path):
        assert is_locked(run.lock)
        found = states(capsys)
        assert main(["status"]) == 0
    table = capsys.readouterr().out
    assert found["manifest", "my-photos"] == ("done", None)
    assert [found["depth", f"000{number}"][0] for number in range(3)] == ["done", "failed", "running"]
    assert found["depth", "0001"][1] == "the disk is full"
    assert found["synthesize", "0001"] == ("stopped", None)
    assert found["train", "mine, rgb"] == ("running", None)
    assert found["train", "mine, rgb_pace"] == ("failed", "ValueError: no")
    assert found["fuse", "mine, full"] == ("missing", None)
    assert "1 of 3 done, 1 running, 1 failed\n" in table
    assert "mine, rgb, seed 0" in table
    assert "running, epoch 3 of 4\n" in table
    assert "failed: depth my-photos, shard 0001: the disk is full\n  results/logs/depth/my-photos-0001.log\n" in table
    assert not is_locked(run.lock)


def test_a_training_that_was_asked_to_stop_goes_on(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = RESULTS.run("mine", "rgb", 0)
    write(run.state)
    write(run.scores(3))
    message = "stopped by a signal after step 3 of epoch 4; run the same command again to resume"
    write(RESULTS.log("train", "mine-rgb-0"), f"12:00:00 epoch 2 of 4: loss 1\ni2vadapt: error: {message}\n")
    assert states(capsys)["train", "mine, rgb"] == ("stopped", message)
    assert main(["status"]) == 0
    assert "stopped, epoch 3 of 4\n" in capsys.readouterr().out


def test_a_command_on_this_machine_is_running(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = RESULTS.dataset("my-videos").shard("frames", "0001")
    code = "import sys; print(flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code, "i2vadapt", "decode", "--out", str(out)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert states(capsys)["decode", "0001"] == ("running", None)
        process.communicate()
    assert states(capsys)["decode", "0001"] == ("missing", None)


def test_targets_are_tables_and_methods(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = states(capsys, "so_img")
    assert {stage for stage, _ in found} >= {"manifest", "train", "fuse", "decode"}
    assert "synthesize" not in {stage for stage, _ in found}  # photographs are read as they are
    assert ("experiment", "table2") in states(capsys, "table2")
    assert main(["status", "table9"]) == 1
    assert "no target 'table9'; there are figure4, " in capsys.readouterr().err


def test_it_needs_neither_networks_nor_arrays(project: Path) -> None:
    code = (
        "import sys; from i2vadapt.cli import main; main(['status']);"
        "sys.exit(any(name in sys.modules for name in ('torch', 'numpy', 'cv2', 'h5py', 'av', 'pandas')))"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=300, capture_output=True).returncode == 0

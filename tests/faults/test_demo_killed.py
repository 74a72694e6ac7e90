"""The demo through Snakemake, its whole process tree killed with kill -9 again and again, against an undisturbed one.

Half an hour; `make faults` has it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from small_project import ROOT
from tiny_data import read_metrics

from i2vadapt.training import checkpoint

KILLS = 8


@dataclass(frozen=True)
class Demo:
    """A folder in which `make demo`'s command runs."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> Demo:
        """Copies what a clone holds; the package and the weights that were downloaded once are linked."""
        folder.mkdir()
        for name in ("workflow", "profiles", "envs"):
            shutil.copytree(ROOT / name, folder / name, symlinks=True)
        for name in ("Snakefile", "config.yaml"):
            shutil.copy(ROOT / name, folder)
        for name in ("src", "weights"):
            if (ROOT / name).exists():
                (folder / name).symlink_to(ROOT / name)
        return cls(folder)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "snakemake", "--cores", "2", "--configfile", "config.yaml", *arguments]
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        with (self.folder / "output.txt").open("w") as output:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                env={**os.environ, "PATH": path},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                text=True,
            )

    def succeed(self, *arguments: str) -> str:
        status = self.start(*arguments).wait()
        output = (self.folder / "output.txt").read_text()
        assert status == 0, output
        return output

    def kill_after(self, seconds: float) -> bool:
        """Starts the run and kills all its processes after some time; False if it ended before."""
        process = self.start()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        return process.wait() == -signal.SIGKILL

    def at_work(self) -> str:
        """The job that wrote to its log last."""
        logs = list((self.folder / "results" / "logs").rglob("*.log"))
        return max(logs, key=lambda path: path.stat().st_mtime).name if logs else "nothing"

    def files(self, pattern: str) -> dict[str, bytes]:
        found = (path for path in self.folder.glob(pattern) if path.is_file())
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in found}


@pytest.fixture
def folder(tmp_path: Path, kills: int) -> Iterator[Path]:
    if kills < 50:
        pytest.skip("half an hour: make faults")
    yield tmp_path
    shutil.rmtree(tmp_path)  # gigabytes


def test_a_demo_that_is_killed_again_and_again_ends_like_an_undisturbed_one(folder: Path) -> None:
    whole, killed = Demo.make(folder / "whole"), Demo.make(folder / "killed")
    started = time.monotonic()
    whole.succeed()
    seconds = time.monotonic() - started
    print(f"undisturbed {seconds:.0f} s")
    rng, kills = np.random.default_rng(3), 0
    while kills < KILLS:
        after = float(rng.uniform(10, seconds / 4))
        if not killed.kill_after(after):
            break
        kills += 1
        print(f"killed after {after:.0f} s, at {killed.at_work()}")
        killed.succeed("--unlock")
    assert kills >= 4
    killed.succeed()
    assert "Nothing to be done" in killed.succeed()
    for pattern in ("data/demo/**/*", "results/datasets/**/*.*", "results/runs/*/*/*/predictions.csv"):
        expected, found = whole.files(pattern), killed.files(pattern)
        assert expected.keys() == found.keys()
        assert [name for name in expected if expected[name] != found[name]] == []
    assert whole.files("results/reports/*/accuracy.*") == killed.files("results/reports/*/accuracy.*")
    runs = sorted((whole.folder / "results" / "runs").glob("*/*/*"))
    assert len(runs) == 4
    for run in runs:
        other = killed.folder / run.relative_to(whole.folder)
        assert set(os.listdir(other)) == set(os.listdir(run))
        assert read_metrics(other) == read_metrics(run)
        models = [checkpoint.load(path / "checkpoint.pt")["model"] for path in (run, other)]
        assert all(torch.equal(models[0][name], models[1][name]) for name in models[0])
    command = [sys.executable, "-m", "i2vadapt", "verify", "results"]
    assert subprocess.run(command, cwd=killed.folder, check=False).returncode == 0

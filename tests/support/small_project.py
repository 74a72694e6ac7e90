"""A small project in a folder of its own, in which the real Snakefile runs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from i2vadapt import stages
from i2vadapt.data.video import write_video

ROOT = Path(__file__).parents[2]
CLASSES = ("walk", "run")
BENCHMARK = """
name: mine
source: { dataset: my-photos, root: my photos, shards: 2, expected: 8 }
target: { dataset: my-videos, root: my videos, shards: 1 }
classes:
  walk: { source: [walking], target: [walk] }
  run: { source: [running], target: [run] }
settings:
  depth: { model: dpt_small }
  synthesis: { short_side: 36, frames: 9 }
  decode: { short_side: 36 }
  flow: { backend: opencv, bound: 6, tvl1: { n_scales: 2, n_warps: 2 } }
  train: { crop: 32, clip_frames: 8, test_frames: 8, batch_size: 4, epochs: 2, learning_rate: 0.01, init: { rgb: null },
           precision: float32, frozen: MaxPool3d_4a_3x3, bank: { warmup_epochs: 1, capacity: 2 } }
"""
CONFIG = """
benchmarks: [mine.yaml]
methods: [so_rgb, full]
features: []
"""
# A job takes a core, not four, so that two run at once.
THREADS = [f"{stage.name}=1" for stage in (*stages.PREPROCESSING, stages.TRAIN, stages.FEATURES)]
DATA_JOBS = {"depth": 2, "synthesize": 2, "decode": 1, "flow": 3}
RUNS = ("rgb", "rgb_pace", "flow_bank_pace")
"""Runs of the two methods."""


@dataclass(frozen=True)
class Project:
    """A folder in which the workflow runs."""

    folder: Path

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "snakemake", "--set-threads", *THREADS, "--cores", "2", "--nocolor", *arguments]

    @property
    def environment(self) -> dict[str, str]:
        """Environment in which the `python` of the jobs is the one that runs the tests."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return {**os.environ, "PATH": path}

    def run(self, *arguments: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Runs Snakemake; programs in a folder `path` take precedence over all others."""
        environment = self.environment
        if path is not None:
            environment["PATH"] = f"{path}{os.pathsep}{environment['PATH']}"
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=900,
        )

    def succeed(self, *arguments: str) -> str:
        result = self.run(*arguments)
        assert result.returncode == 0, result.stdout
        return result.stdout

    def plan(self, *arguments: str) -> dict[str, int]:
        """Jobs of a dry run by rule, without the target itself."""
        output = self.succeed("-n", *arguments)
        if "Nothing to be done" in output:
            return {}
        table = output.split("Job stats:")[1].split("total")[0]
        jobs = {name: int(count) for name, count in re.findall(r"^(\w[\w-]*) +(\d+)$", table, re.MULTILINE)}
        assert jobs, output
        return {name: count for name, count in jobs.items() if name not in ("all", "datasets")}

    def shards(self) -> dict[str, bytes]:
        """Contents of all shards by path."""
        results = self.folder / "results" / "datasets"
        return {path.relative_to(results).as_posix(): path.read_bytes() for path in results.glob("*/*/*.h5")}


def picture(seed: int, height: int, width: int) -> np.ndarray:
    """A soft random texture (H,W,3)."""
    noise = np.random.default_rng(seed).uniform(0, 255, (height, width, 3)).astype(np.float32)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


def write_photograph(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = ((48, 64), (64, 48))[seed % 2]
    path.write_bytes(bytes(cv2.imencode(".png", picture(seed, height, width))[1]))


def write_data(folder: Path) -> None:
    """Four photographs and three videos per class; walkers move by one pixel per frame, runners by three."""
    for kind, name in enumerate(("walking", "running")):
        for number in range(4):
            write_photograph(folder / "my photos" / name / f"{name} {number}.png", 10 * kind + number)
    for kind, name in enumerate(CLASSES):
        (folder / "my videos" / name).mkdir(parents=True)
        for number in range(3):
            wide = picture(100 + 10 * kind + number, 48, 100)
            frames = np.stack([wide[:, (1 + 2 * kind) * k :][:, :64] for k in range(10 + number)])
            write_video(folder / "my videos" / name / f"{name}_{number}.mp4", frames, 25)


def make_project(folder: Path, data: Path) -> Project:
    """Copies the files of a clone, and the data; the package is linked.

    The data is written once and copied, as the same frames may be encoded to other bytes another time.
    """
    folder.mkdir(parents=True)
    for name in ("Snakefile", "config.yaml"):
        shutil.copy(ROOT / name, folder)
    for name in ("workflow", "profiles", "envs"):
        shutil.copytree(ROOT / name, folder / name, symlinks=True)
    (folder / "src").symlink_to(ROOT / "src")
    (folder / "mine.yaml").write_text(BENCHMARK)
    (folder / "config.yaml").write_text(CONFIG)
    for name in ("my photos", "my videos"):
        shutil.copytree(data / name, folder / name)
    return Project(folder)

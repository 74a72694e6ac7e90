"""For every rule of the workflow, something that makes its jobs fail, and how to undo it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from small_project import BENCHMARK, Project

Spoil = Callable[[Path], None]


def damage(*paths: str) -> Spoil:
    """Inverts the second half of files in place, as a bad disk may: size and time stay."""

    def spoil(folder: Path) -> None:
        for path in (folder / name for name in paths):
            before, status = path.read_bytes(), path.stat()
            half = len(before) // 2
            path.write_bytes(before[:half] + bytes(255 - byte for byte in before[half:]))
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    return spoil


def nothing(folder: Path) -> None:
    """Spoils nothing."""


@dataclass(frozen=True)
class Failure:
    """A changed setting, and what makes the job fail that it asks for.

    Attributes:
        setting: text of the benchmark file.
        changed: what it becomes.
        spoil: what happens to the files.
        message: part of what the job says.
    """

    setting: str
    changed: str
    spoil: Spoil
    message: str

    def cause(self, project: Project) -> None:
        """Changes the setting and spoils the files."""
        (project.folder / "mine.yaml").write_text(BENCHMARK.replace(self.setting, self.changed, 1))
        self.spoil(project.folder)


PHOTOGRAPHS = tuple(f"my photos/walking/walking {number}.png" for number in range(4))
VIDEOS = tuple(f"my videos/walk/walk_{number}.mp4" for number in range(3))
FRAMES = "results/datasets/my-videos/frames/0000.h5"
SCORES = "results/runs/mine/rgb_pace/seed0/scores/0002.safetensors"
METHOD = "results/methods/mine/full/seed0/method.yaml"
FAILURES = {
    "manifest_my-photos": Failure("", "", lambda folder: shutil.rmtree(folder / "my photos/walking"), "walking"),
    "depth": Failure("model: dpt_small", "model: dpt_small, checkpoint: mine.yaml", nothing, "mine.yaml"),
    "synthesize": Failure("short_side: 36, frames: 9", "short_side: 36, frames: 8", damage(*PHOTOGRAPHS), "walking 0"),
    "decode": Failure("decode: { short_side: 36 }", "decode: { short_side: 40 }", damage(*VIDEOS), "walk_0.mp4"),
    "flow": Failure("n_warps: 2", "n_warps: 1", damage(FRAMES), "frames/0000.h5"),
    "train": Failure("crop: 32", "crop: 64", nothing, "crop"),
    "fuse": Failure("", "", damage(SCORES), "0002.safetensors"),
    "report": Failure("", "", damage(METHOD), "method.yaml"),
}


def restore(project: Project, original: Project) -> None:
    """Puts back the benchmark, and what was damaged in place or removed."""
    shutil.copy2(original.folder / "mine.yaml", project.folder)
    for name in ("my photos", "my videos"):
        shutil.copytree(original.folder / name, project.folder / name, dirs_exist_ok=True)
    for name in (FRAMES, SCORES, METHOD):
        if (project.folder / name).exists():
            shutil.copy2(original.folder / name, project.folder / name)


def costly(project: Project) -> dict[str, int]:
    """The files whose making takes long, with numbers that change when they are made again."""
    results = project.folder / "results"
    files = (*results.glob("datasets/*/*/*.h5"), *results.glob("runs/*/*/*/checkpoint.pt"))
    return {file.relative_to(results).as_posix(): file.stat().st_ino for file in files}

from __future__ import annotations

from pathlib import Path

import pytest

BENCHMARK = """
name: mine
source: { dataset: my-photos, root: my photos, shards: 3 }
target: { dataset: my-videos, root: my videos, layout: list, lists: [videos.txt], shards: 2 }
classes:
  walk: { source: [walking], target: [walk] }
  run: { source: [running, jogging], target: [run] }
settings:
  depth: { model: dpt_small }
  decode: { min_frames: 5 }
  train: { epochs: 4, bank: { warmup_epochs: 2 } }
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a benchmark file and its data: empty files that differ in name and size; the working directory."""
    for number in range(6):
        for name in (f"my photos/walking/{number}.jpg", f"my photos/running/{number}.jpg", f"my videos/{number}.avi"):
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(bytes(number))
    lines = [f"{number}.avi {'walk' if number % 2 else 'run'}\n" for number in range(6)]
    (tmp_path / "videos.txt").write_text("".join(lines))
    (tmp_path / "mine.yaml").write_text(BENCHMARK)
    monkeypatch.chdir(tmp_path)
    return tmp_path

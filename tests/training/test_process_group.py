from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_data import CLASSES, TRAIN, make_items, make_run, read_metrics, write_flow, write_frames

from i2vadapt.clips.batches import Part, shuffled
from i2vadapt.runtime.process_group import ProcessGroup
from i2vadapt.training import checkpoint
from i2vadapt.training.loop import Trainer


def test_every_item_of_a_batch_goes_to_one_process() -> None:
    batch = [7, 3, 5, 1, 8]
    parts = [Part.of(batch, ProcessGroup(rank, 3)) for rank in range(3)]
    assert [part.items for part in parts] == [[7, 3], [5, 1], [8]]
    assert [part.share for part in parts] == [0.4, 0.4, 0.2]
    assert Part.of([4], ProcessGroup(1, 2)) == Part([4], 0.0)


def test_all_items_have_their_turn_before_they_come_again() -> None:
    batches = shuffled(5, 2, 7, (1, 2))
    assert [len(batch) for batch in batches] == [2, 2, 1, 2, 2, 1, 2]
    assert all(sorted(chain(*batches[start : start + 3])) == list(range(5)) for start in (0, 3))
    assert batches[:3] != batches[3:6]
    assert shuffled(5, 2, 3, (1, 2)) == batches[:3]
    assert shuffled(5, 2, 3, (1, 3)) != batches[:3]


def test_two_processes_train_as_one_does_with_the_same_batch(tmp_path: Path) -> None:
    """With all of the method, batches that do not divide evenly, and batch normalisation over both processes."""
    for seed, (name, suffix, v) in enumerate((("source", ".jpg", 4.0), ("target", ".mp4", -4.0))):
        write_frames(tmp_path / name, make_items(suffix, per_class=3), seed)
        write_flow(tmp_path / name, v)
    changes: dict[str, Any] = {"dropout": 0.0, "batch_size": 3, "epochs": 2, "batch_norm_momentum": 0.1}
    changes["learning_rate"] = 1e-3  # random networks on tiny frames magnify rounding errors, step after step
    Trainer(make_run(tmp_path, tmp_path / "one", **changes)).train()
    command = [sys.executable, "-m", "i2vadapt", "train", "--gpus", "2", "--out", tmp_path / "two", "--seed", "5"]
    command += ["--source", tmp_path / "source", "--target", tmp_path / "target", "--classes", *CLASSES]
    command += ["--workers", "0", "--settings", json.dumps({**TRAIN, **changes})]
    done = subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("epoch 2 of 2") == 1  # one process speaks for both
    one, two = read_metrics(tmp_path / "one"), read_metrics(tmp_path / "two")
    assert one[0].keys() == two[0].keys()
    for row, tolerance in ((0, 2e-5), (1, 5e-3)):
        for name, value in one[row].items():
            if value:
                assert float(two[row][name]) == pytest.approx(float(value), rel=tolerance), name
    first, second = (checkpoint.load(tmp_path / name / "checkpoint.pt")["model"] for name in ("one", "two"))
    for name, weight in first.items():
        torch.testing.assert_close(second[name], weight, rtol=1e-2, atol=2e-3, msg=name)

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
from tiny_data import BANK, CLASSES, TIMING, TRAIN, make_flow_run, make_items, make_run, write_flow, write_frames

from i2vadapt.clips.batches import Part, shuffled
from i2vadapt.runtime.process_group import ProcessGroup
from i2vadapt.training.loop import Trainer
from i2vadapt.weights import checkpoint

# What shells started by another torchrun, by mpirun or by srun leave, beside the number of threads for this test.
LEFT_OVER = {"RANK": "3", "WORLD_SIZE": "9", "LOCAL_RANK": "x", "MASTER_ADDR": "192.0.2.1", "MASTER_PORT": "1"}
LEFT_OVER |= {"TORCHELASTIC_RUN_ID": "other", "OMPI_COMM_WORLD_RANK": "1", "OMP_NUM_THREADS": "1"}
LEFT_OVER |= {"SLURM_STEP_NUM_NODES": "2", "SLURM_PTY_PORT": "4000", "SLURM_PROCID": "0", "SLURM_NTASKS": "2"}


def test_every_item_of_a_batch_goes_to_one_process() -> None:
    batch = [7, 3, 5, 1, 8]
    parts = [Part.of(batch, ProcessGroup(rank, 3)) for rank in range(3)]
    assert [part.items for part in parts] == [[7, 3], [5, 1], [8]]
    assert [part.share for part in parts] == [0.4, 0.4, 0.2]
    assert Part.of([4], ProcessGroup(1, 2)) == Part([4], 0.0)


def test_every_item_is_used_once_before_any_is_used_again() -> None:
    batches = shuffled(5, 2, 7, (1, 2))
    assert [len(batch) for batch in batches] == [2, 2, 1, 2, 2, 1, 2]
    assert all(sorted(chain(*batches[start : start + 3])) == list(range(5)) for start in (0, 3))
    assert batches[:3] != batches[3:6]
    assert shuffled(5, 2, 3, (1, 2)) == batches[:3]
    assert shuffled(5, 2, 3, (1, 3)) != batches[:3]


def train_in_two_processes(root: Path, name: str, settings: dict[str, Any], parents: list[str]) -> str:
    """Runs the command of a job with two GPUs and returns its log."""
    command = [sys.executable, "-m", "i2vadapt", "train", "--gpus", "2", "--out", root / "two" / name, "--seed", "5"]
    command += ["--source", root / "source", "--target", root / "target", "--classes", *CLASSES]
    command += ["--workers", "0", "--settings", json.dumps({**TRAIN, **settings}), *parents]
    done = subprocess.run(command, env={**os.environ, **LEFT_OVER}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.slow
def test_two_processes_train_like_one_with_the_same_batch(tmp_path: Path) -> None:
    """Both train the full method, with batches that do not divide evenly and synchronised batch normalisation.

    They compute in float64, where rounding errors stay far below the effect of a bug. A random network on frames this
    small amplifies the rounding errors of float32 by a factor of thousands within two epochs, depending on the CPU.
    """
    for seed, (name, suffix, v) in enumerate((("source", ".jpg", 4.0), ("target", ".mp4", -4.0))):
        write_frames(tmp_path / name, make_items(suffix, per_class=3), seed)
        write_flow(tmp_path / name, v)
    shared: dict[str, Any] = {"dropout": 0.0, "batch_size": 3, "epochs": 2, "batch_norm_momentum": 0.1}
    shared |= {"precision": "float64", "decay": 1.0}
    flow = {**shared, "stream": "flow", "bank": {**BANK, "partner": "rgb"}}
    Trainer(make_run(tmp_path, tmp_path / "one" / "rgb", **shared)).train()
    Trainer(make_flow_run(tmp_path, tmp_path / "one" / "flow", tmp_path / "one" / "rgb", **flow)).train()
    logged = train_in_two_processes(tmp_path, "rgb", shared, [])
    assert logged.count("epoch 2 of 2") == 1  # one process reports for both
    train_in_two_processes(tmp_path, "flow", flow, ["--parents", f"rgb={tmp_path / 'two' / 'rgb'}"])
    for name in ("rgb", "flow"):
        one, two = (checkpoint.load(tmp_path / folder / name / "checkpoint.pt") for folder in ("one", "two"))
        assert two["paces"] == one["paces"]
        for expected, found in zip(one["history"], two["history"], strict=True):
            assert found.keys() == expected.keys()
            for key in found.keys() - TIMING:
                assert found[key] == pytest.approx(expected[key], rel=1e-9, abs=1e-12), key
        for key, weight in one["model"].items():
            torch.testing.assert_close(two["model"][key], weight, rtol=1e-7, atol=1e-9, msg=key)

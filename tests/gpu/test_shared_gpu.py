"""Several jobs on one GPU at the same time, as a scheduler that shares GPUs starts them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from tiny_data import CLASSES, TRAIN

from i2vadapt.data.shards.reader import ShardReader
from i2vadapt.layout import shard_name

LONGEST = 180  # seconds


def test_two_flow_jobs_and_a_training_share_a_gpu(data: Path, tmp_path: Path) -> None:
    frames = data / "target" / "frames" / f"{shard_name(0)}.h5"
    flow = [["flow", "--frames", str(frames), "--out", str(tmp_path / f"{name}.h5")] for name in ("one", "two")]
    train = ["train", "--source", str(data / "source"), "--target", str(data / "target"), "--classes", *CLASSES]
    train += ["--out", str(tmp_path / "run"), "--settings", json.dumps({**TRAIN, "epochs": 2}), "--workers", "2"]
    jobs = [
        subprocess.Popen(
            [sys.executable, "-m", "i2vadapt", *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for command in (*flow, train)
    ]
    try:
        for job in jobs:
            text, _ = job.communicate(timeout=LONGEST)
            assert job.returncode == 0, text
    finally:
        for job in jobs:
            job.kill()
    assert (tmp_path / "run" / "checkpoint.pt").is_file()
    one, two = (ShardReader(tmp_path / f"{name}.h5", "flow") for name in ("one", "two"))
    assert one.ids == two.ids
    for number in range(len(one.ids)):
        assert np.abs(one.frames(number).astype(int) - two.frames(number).astype(int)).mean() < 1

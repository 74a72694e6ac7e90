from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_data import CLASSES, TRAIN, make_run, read_metrics, write_datasets

from i2vadapt.cli import main
from i2vadapt.errors import Preempted
from i2vadapt.training import checkpoint, target_pass
from i2vadapt.training.loop import Trainer

CHANGES: dict[str, Any] = {"streams": ["rgb"], "bank": None, "epochs": 2}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("preempted")
    write_datasets(root, flow=False)
    yield root
    shutil.rmtree(root)


def test_asked_to_stop_within_an_epoch_and_within_an_evaluation(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both times the current step is finished, and in the end all numbers are those of an undisturbed run."""
    Trainer(make_run(data, data / "whole", **CHANGES)).train()
    handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR1)]
    steps: list[tuple[int, int]] = []
    step = Trainer._step

    def signalled_in_the_first(self: Trainer, *batches: Any) -> int:
        steps.append((self.epoch, self.step))
        if len(steps) == 1:
            os.kill(os.getpid(), signal.SIGUSR1)
        return step(self, *batches)

    monkeypatch.setattr(Trainer, "_step", signalled_in_the_first)
    command = ["train", "--source", str(data / "source"), "--target", str(data / "target"), "--classes", *CLASSES]
    command += ["--seed", "5", "--settings", json.dumps({**TRAIN, **CHANGES}), "--out", str(data / "parts")]
    assert main(command) == os.EX_TEMPFAIL == 75
    torch.rand(7)  # a new process has another random state

    def signalled(*_: Any) -> Any:
        monkeypatch.setattr(target_pass, "score", score)
        os.kill(os.getpid(), signal.SIGTERM)
        return score(*_)

    score = target_pass.score
    monkeypatch.setattr(target_pass, "score", signalled)
    with pytest.raises(Preempted, match="after step 2 of epoch 1"):
        Trainer(make_run(data, data / "parts", **CHANGES)).train()
    assert main(command) == 0
    assert steps == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert read_metrics(data / "parts") == read_metrics(data / "whole")
    first, second = (checkpoint.load(data / name / "checkpoint.pt")["model"] for name in ("whole", "parts"))
    assert all(torch.equal(weight, second[name]) for name, weight in first.items())
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR1)] == handlers


def test_a_process_that_ends_takes_its_loader_processes_with_it() -> None:
    """They ignore the signal by which multiprocessing would end them."""
    script = (
        "import multiprocessing, time\n"
        "from i2vadapt.runtime.preemption import ignore_signals\n"
        "ready = multiprocessing.Event()\n"
        "def load():\n    ignore_signals(0)\n    ready.set()\n    time.sleep(600)\n"
        "multiprocessing.get_context('fork').Process(target=load, daemon=True).start()\n"
        "ready.wait()\nraise SystemExit(3)\n"
    )
    assert subprocess.run([sys.executable, "-c", script], timeout=120, check=False).returncode == 3

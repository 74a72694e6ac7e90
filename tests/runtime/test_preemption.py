from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_data import CLASSES, make_flow_run, make_run, read_metrics

from i2vadapt.cli import main
from i2vadapt.errors import Preempted
from i2vadapt.layout import RunFolder
from i2vadapt.runtime.preemption import SIGNALS, stop_request
from i2vadapt.training.loop import Trainer
from i2vadapt.training.run import Run
from i2vadapt.training.target_scores import TargetScores
from i2vadapt.weights import checkpoint

EPOCHS = 2


@pytest.fixture(scope="module")
def rgb_run(data: Path) -> Run:
    run = make_run(data, data / "rgb", epochs=EPOCHS)
    Trainer(run).train()
    return run


@pytest.fixture(scope="module")
def flow_run(data: Path, rgb_run: Run) -> Run:
    """A flow run whose second epoch uses the bank."""
    run = make_flow_run(data, data / "flow", rgb_run.folder, epochs=EPOCHS)
    Trainer(run).train()
    return run


def command_of(run: Run, out: Path) -> list[str]:
    command = ["train", "--source", str(run.source), "--target", str(run.target), "--classes", *CLASSES]
    command += [
        "--seed",
        str(run.seed),
        "--workers",
        "0",
        "--settings",
        json.dumps(run.settings.model_dump(mode="json")),
    ]
    if run.parents:
        command += ["--parents", *(f"{name}={folder}" for name, folder in run.parents.items())]
    return [*command, "--out", str(out)]


@pytest.mark.parametrize("name", ["rgb_run", "flow_run"])
def test_a_run_that_is_stopped_within_an_epoch_and_within_an_evaluation_resumes(
    name: str, folder: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The current step is finished each time, and in the end all numbers are those of an undisturbed run."""
    whole: Run = request.getfixturevalue(name)
    handlers = [signal.getsignal(number) for number in SIGNALS]
    steps: list[tuple[int, int]] = []
    step = Trainer._step

    def signalled_in_the_first(self: Trainer, batch: Any) -> int:
        steps.append((self.epoch, self.step))
        if len(steps) == 1:
            os.kill(os.getpid(), signal.SIGUSR1)
        return step(self, batch)

    monkeypatch.setattr(Trainer, "_step", signalled_in_the_first)
    command = command_of(whole, folder)
    assert main(command) == os.EX_TEMPFAIL == 75
    assert checkpoint.load(RunFolder(folder).state)["step"] == 1
    torch.rand(7)  # a new process has another random state

    def signalled(*arguments: Any) -> Any:
        monkeypatch.setattr(TargetScores, "score", score)
        os.kill(os.getpid(), signal.SIGTERM)
        return score(*arguments)

    score = TargetScores.score
    monkeypatch.setattr(TargetScores, "score", signalled)
    with pytest.raises(Preempted, match=r"after step 2 of epoch 1; run the same command again to resume"):
        Trainer(Run(folder, whole.source, whole.target, CLASSES, whole.settings, whole.seed, 0, whole.parents)).train()
    assert not RunFolder(folder).scores(1).exists()
    assert main(command) == 0
    assert steps == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert read_metrics(folder) == read_metrics(whole.folder)
    first, second = (checkpoint.load(RunFolder(path).checkpoint) for path in (whole.folder, folder))
    assert all(torch.equal(weight, second["model"][name]) for name, weight in first["model"].items())
    assert first["scores"] == second["scores"]
    assert len(first["scores"]) == EPOCHS
    assert [signal.getsignal(number) for number in SIGNALS] == handlers


def test_signals_are_recorded_only_in_the_context() -> None:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        with stop_request() as request:
            assert not request.received
            os.kill(os.getpid(), number)
            os.kill(os.getpid(), number)
            assert request.received
        assert {number: signal.getsignal(number) for number in SIGNALS} == before
    with pytest.raises(ZeroDivisionError), stop_request():
        _ = 1 // 0
    assert {number: signal.getsignal(number) for number in SIGNALS} == before


def test_a_thread_other_than_the_main_one_trains_without_catching_signals() -> None:
    found = []

    def run() -> None:
        with stop_request() as request:
            found.append(request.received)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [False]


def test_loader_processes_end_with_their_process() -> None:
    """Loader processes ignore the signal by which multiprocessing would end them."""
    script = (
        "import multiprocessing, time\n"
        "from i2vadapt.runtime.preemption import ignore_signals\n"
        "ready = multiprocessing.Event()\n"
        "def load():\n    ignore_signals(0)\n    ready.set()\n    time.sleep(600)\n"
        "multiprocessing.get_context('fork').Process(target=load, daemon=True).start()\n"
        "ready.wait()\nraise SystemExit(3)\n"
    )
    assert subprocess.run([sys.executable, "-c", script], timeout=300, check=False).returncode == 3

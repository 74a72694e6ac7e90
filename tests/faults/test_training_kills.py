"""Training, killed with kill -9 between and inside epochs and while it writes its state, and started again."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from killing import Forks, Moment, Outcome
from tiny_data import CLASSES, TRAIN, read_metrics, write_datasets

from i2vadapt.files import superseded
from i2vadapt.weights import checkpoint

FILES = {"checkpoint.pt", "metrics.csv", "pace.csv", "settings.yaml", "scores.csv", "scores", "events", ".lock"}


@dataclass(frozen=True)
class Training:
    """Tiny datasets, and the run that nothing disturbed."""

    data: Path
    forks: Forks
    outcome: Outcome

    def run(self, folder: Path, moment: Moment | None = None, **changes: object) -> Outcome:
        return train(self.forks, self.data, folder, moment, changes)

    @property
    def whole(self) -> Path:
        return self.data / "whole"


def train(
    forks: Forks, data: Path, folder: Path, moment: Moment | None = None, changes: Mapping[str, object] | None = None
) -> Outcome:
    sides = ["--source", data / "source", "--target", data / "target", "--classes", *CLASSES]
    settings = json.dumps({**TRAIN, **(changes or {})})
    return forks.run(["train", *sides, "--seed", 5, "--out", folder, "--settings", settings], moment)


@pytest.fixture(scope="module")
def training(forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Training]:
    data = tmp_path_factory.mktemp("training")
    write_datasets(data)
    outcome = train(forks, data, data / "whole")
    assert outcome.status == 0, outcome.log
    yield Training(data, forks, outcome)
    shutil.rmtree(data)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A run's folder, which is large."""
    yield tmp_path / "run"
    shutil.rmtree(tmp_path)


def assert_the_same_run(folder: Path, whole: Path) -> None:
    assert read_metrics(folder) == read_metrics(whole)
    assert (folder / "pace.csv").read_bytes() == (whole / "pace.csv").read_bytes()
    first, second = (checkpoint.load(path / "checkpoint.pt")["model"] for path in (folder, whole))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert set(os.listdir(folder)) == FILES
    scores = sorted(path.name for path in (whole / "scores").iterdir())
    assert sorted(os.listdir(folder / "scores")) == scores
    assert all((folder / "scores" / name).read_bytes() == (whole / "scores" / name).read_bytes() for name in scores)


def test_killed_at_random_moments_and_resumed_by_the_same_command(training: Training, folder: Path, kills: int) -> None:
    rng = np.random.default_rng(7)
    a_step = training.outcome.seconds / max(training.outcome.items, 1)
    for number in range(max(kills // 5, 1)):
        place = folder / str(number)
        moment = Moment(int(rng.integers(training.outcome.items)), float(rng.uniform(0, a_step)))
        killed = training.run(place, moment)
        resumed = training.run(place)
        assert resumed.status == 0, resumed.log
        assert_the_same_run(place, training.whole)
        print(f"{moment}: {killed.status}, {killed.items} and {resumed.items} of {training.outcome.items} steps")
        shutil.rmtree(place)


def test_killed_while_the_state_is_written_then_set_aside_for_other_settings_then_resumed(
    training: Training, folder: Path
) -> None:
    for number, start in enumerate((0, training.outcome.items // 2)):
        killed = training.run(folder, Moment(start, 0.01, (folder, ".state.pt.*.tmp")))
        assert killed.status == -9, f"{number}: {killed.log}"
    state = (folder / "state.pt").read_bytes()
    other = training.run(folder, learning_rate=0.5, momentum=0.1)
    assert other.status == 0, other.log
    assert "train.learning_rate: 0.01, now 0.5" in other.log
    assert "train.momentum: 0.9, now 0.1" in other.log
    assert [version.joinpath("state.pt").read_bytes() for version in superseded.earlier(folder)] == [state]
    resumed = training.run(folder)
    assert resumed.status == 0, resumed.log
    assert_the_same_run(folder, training.whole)

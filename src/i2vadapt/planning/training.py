"""Rates of training and evaluation on this machine, from runs on the sample."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from i2vadapt.config import TrainSettings
from i2vadapt.planning.rates import run
from i2vadapt.planning.sample import FEW, MANY

_EPOCHS = 2
_NEVER = 10**6


@dataclass(frozen=True)
class TrainingRate:
    """What a method takes.

    Attributes:
        start: seconds before the first step and after the last, and for the least evaluation.
        per_photograph: seconds of an epoch for each photograph.
        per_video: seconds of an evaluation for each video.
        size: bytes of checkpoint.pt.
    """

    start: float
    per_photograph: float
    per_video: float
    size: float


def measure_training(
    settings: TrainSettings, classes: Sequence[str], source: Path, target: Path, folder: Path, cores: int
) -> TrainingRate:
    """Trains two epochs on two and on eighteen photographs, and scores two and eighteen videos.

    Args:
        settings: of the method.
        classes: of the benchmark.
        source: folder with `few` and `many` photographs' shards.
        target: the same of videos.
        folder: for the runs.
        cores: of the machine.
    """
    document = settings.model_dump(mode="json")
    document |= {"epochs": _EPOCHS, "evaluate_every": _NEVER}
    if document["bank"] is not None:
        document["bank"]["warmup_epochs"] = _NEVER

    def train(name: str) -> float:
        sides = ["--source", str(source / name), "--target", str(target / "few"), "--classes", *classes]
        return run(["train", *sides, "--settings", json.dumps(document), "--out", str(folder / name)], cores)

    def evaluate(name: str) -> float:
        table = str(folder / f"{name}.csv")
        return run(["evaluate", "--checkpoint", str(checkpoint), "--target", str(target / name), "--out", table], cores)

    checkpoint = folder / "few" / "checkpoint.pt"
    start, between = train("few"), MANY - FEW
    per_photograph = max(train("many") - start, 1e-3) / (_EPOCHS * between)
    few = evaluate("few")
    per_video = max(evaluate("many") - few, 1e-3) / between
    return TrainingRate(start, per_photograph, per_video, checkpoint.stat().st_size)


def evaluations(settings: TrainSettings) -> int:
    """How often a run scores the target: for the record, for the bank, and at the end."""
    bank, last = settings.bank, settings.epochs
    first = bank.warmup_epochs + bank.delay_epochs if bank else last
    return sum(
        first <= done < last or done % settings.evaluate_every == 0 or done == last for done in range(1, last + 1)
    )

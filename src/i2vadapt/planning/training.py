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
        start: seconds of a training before its first step and after its last.
        evaluation_start: the same of an evaluation in a job of its own.
        per_photograph: seconds of an epoch for each photograph, with what the method does beside it.
        per_video: seconds of an evaluation for each video.
        size: bytes of checkpoint.pt.
    """

    start: float
    evaluation_start: float
    per_photograph: float
    per_video: float
    size: float


def measure_training(
    settings: TrainSettings, classes: Sequence[str], source: Path, target: Path, folder: Path, cores: int
) -> TrainingRate:
    """Trains two epochs on two photographs and videos and on eighteen, and scores two and eighteen videos.

    A training scores its videos once, at its end.

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
        sides = ["--source", str(source / name), "--target", str(target / name), "--classes", *classes]
        return run(["train", *sides, "--settings", json.dumps(document), "--out", str(folder / name)], cores)

    def evaluate(name: str) -> float:
        table = str(folder / f"{name}.csv")
        return run(["evaluate", "--checkpoint", str(checkpoint), "--target", str(target / name), "--out", table], cores)

    checkpoint = folder / "few" / "checkpoint.pt"
    between = MANY - FEW
    trained, evaluated = train("few"), evaluate("few")
    per_video = max(evaluate("many") - evaluated, 1e-3) / between
    per_photograph = max(train("many") - trained - between * per_video, 1e-3) / (_EPOCHS * between)
    return TrainingRate(
        start=trained - FEW * (per_video + _EPOCHS * per_photograph),
        evaluation_start=evaluated - FEW * per_video,
        per_photograph=per_photograph,
        per_video=per_video,
        size=checkpoint.stat().st_size,
    )


def evaluations(settings: TrainSettings) -> int:
    """How often a run scores the target: for the record, for the bank, and at the end."""
    bank, last = settings.bank, settings.epochs
    first = bank.warmup_epochs + bank.delay_epochs if bank else last
    return sum(
        first <= done < last or done % settings.evaluate_every == 0 or done == last for done in range(1, last + 1)
    )

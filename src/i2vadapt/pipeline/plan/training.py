"""Rates of training and evaluation on this machine, from runs on the sample."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from i2vadapt.config import TrainSettings
from i2vadapt.pipeline.plan.rates import best_time, run
from i2vadapt.pipeline.plan.sample import FEW, MANY

_SHORT, _LONG = 1, 3  # epochs
_NEVER = 10**6


@dataclass(frozen=True)
class TrainingRate:
    """What a method takes.

    Attributes:
        start: seconds of a training before its first step and after its last.
        evaluation_start: the same of an evaluation in a job of its own.
        per_epoch: seconds of an epoch before its first step and after its last.
        per_photograph: seconds of an epoch for each photograph, with what the method does beside it.
        per_video: seconds of an evaluation for each video.
        size: bytes of checkpoint.pt.
    """

    start: float
    evaluation_start: float
    per_epoch: float
    per_photograph: float
    per_video: float
    size: float


def measure_training(
    settings: TrainSettings, classes: Sequence[str], source: Path, target: Path, folder: Path, cores: int
) -> TrainingRate:
    """Trains an epoch and three on two photographs and videos, and three on eighteen; scores two and eighteen videos.

    Trainings start from random weights here, which takes as long, and score their videos once, at the end.

    Args:
        settings: of the method.
        classes: of the benchmark.
        source: folder with `few` and `many` photographs' shards.
        target: the same of videos.
        folder: for the runs.
        cores: of the machine.
    """
    document = settings.model_dump(mode="json")
    document |= {"evaluate_every": _NEVER, "init": {"rgb": None, "flow": None}}
    document["clip"]["weights"] = document["resnet"]["weights"] = None
    if document["bank"] is not None:
        document["bank"]["warmup_epochs"] = _NEVER

    def train(name: str, epochs: int) -> float:
        sides = ["--source", str(source / name), "--target", str(target / name), "--classes", *classes]
        out = str(folder / f"{name}-{epochs}")
        return run(["train", *sides, "--settings", json.dumps(document | {"epochs": epochs}), "--out", out], cores)

    def evaluate(name: str) -> float:
        sides = ["--checkpoint", str(checkpoint), "--target", str(target / name)]
        return best_time(["evaluate", *sides, "--out", str(folder / f"{name}.csv")], cores)

    checkpoint = folder / f"few-{_SHORT}" / "checkpoint.pt"
    between = MANY - FEW
    short, long, many = train("few", _SHORT), train("few", _LONG), train("many", _LONG)
    evaluated = evaluate("few")
    per_video = max(evaluate("many") - evaluated, 1e-3) / between
    per_photograph = max(many - long - between * per_video, 1e-3) / (_LONG * between)
    per_epoch = max((long - short) / (_LONG - _SHORT) - FEW * per_photograph, 0.0)
    return TrainingRate(
        start=short - per_epoch - FEW * (per_video + per_photograph),
        evaluation_start=evaluated - FEW * per_video,
        per_epoch=per_epoch,
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

"""Rates of training and scoring on this machine, from trainings on the sample."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from i2vadapt import stages
from i2vadapt.config.networks import InitSettings
from i2vadapt.config.recipes import frames, video
from i2vadapt.config.run import SplitSettings, TrainingSettings
from i2vadapt.config.transfer import TransferSettings
from i2vadapt.layout import RunFolder
from i2vadapt.pipeline.plan.costs import TrainingRate
from i2vadapt.pipeline.plan.preprocessing import run
from i2vadapt.pipeline.plan.sample import FEW, MANY
from i2vadapt.pipeline.plan.work import videos_scored

_SHORT, _LONG = 1, 3  # epochs
_NEVER = 10**6
_LEAST = 1e-4  # seconds of anything, where other work on the machine hides the real figure


def without_inputs(settings: TrainingSettings) -> TrainingSettings:
    """The settings that a run is measured with, so that it reads the two samples and nothing else.

    It starts from random weights, its bank is never used, and runs that learn from target videos learn from generated
    ones instead, as a sample is too small to split and has no teacher: all of that takes the same time.
    """
    if settings.source_items == "none" and not isinstance(settings, video.Settings):
        shared = {name: getattr(settings, name) for name in TrainingSettings.model_fields if name != "recipe"}
        settings = video.Settings(**shared, pace=None, local_streams=()).relevant()
    changes: dict[str, Any] = {
        "evaluate_every": _NEVER,
        "init": InitSettings(rgb=None, flow=None),
        "clip": settings.clip.model_copy(update={"weights": None}),
        "resnet": settings.resnet.model_copy(update={"weights": None}),
        "torchvision": settings.torchvision.model_copy(update={"weights": None}),
        "protocol": "transductive",
        "split1": SplitSettings(),
        "supervision": "source",
        "bank": None,
        "crops_by": None,
        "prototypes": None,
        "contrast": None,
    }
    if isinstance(settings, frames.Settings):  # target frames are counted as items
        changes |= {"transfer": TransferSettings(), "forward": "separate"}
        changes["normalisation"] = "shared"
    known = type(settings).model_fields
    return settings.model_copy(update={name: value for name, value in changes.items() if name in known})


def measure_training(
    settings: TrainingSettings, classes: Sequence[str], source: Path, target: Path, folder: Path, cores: int
) -> TrainingRate:
    """Trains one epoch and three on two photographs and videos, and three on eighteen, scored once or every epoch.

    Args:
        settings: of the run.
        classes: of the benchmark.
        source: folder with `few` and `many` photographs' shards.
        target: the same of videos.
        folder: for the trainings.
        cores: of the machine.
    """
    plain = without_inputs(settings)

    def train(name: str, epochs: int, every: int = _NEVER) -> float:
        document = plain.model_copy(update={"epochs": epochs, "evaluate_every": every}).model_dump_json()
        sides = ["--source", str(source / name), "--target", str(target / name), "--classes", *classes]
        out = str(folder / f"{name}-{epochs}-{every}")
        return run(["train", *sides, "--settings", document, "--out", out], min(stages.TRAIN.threads, cores))

    short, few, many = train("few", _SHORT), train("few", _LONG), train("many", _LONG)
    scored_few, scored_many = (
        (train(name, _LONG, 1) - once) / (_LONG - 1) for name, once in (("few", few), ("many", many))
    )
    between = videos_scored(settings, MANY, MANY) - videos_scored(settings, FEW, FEW)
    per_video = max((scored_many - scored_few) / between, _LEAST)
    scoring = max(scored_few, _LEAST)
    per_item = max((many - few - between * per_video) / (_LONG * (MANY - FEW)), _LEAST)
    per_epoch = max((few - short) / (_LONG - _SHORT) - FEW * per_item, 0.0)
    least, most = (RunFolder(folder / f"{name}-{_LONG}-{_NEVER}") for name in ("few", "many"))
    return TrainingRate(
        start=max(short - per_epoch - FEW * per_item - scoring, 0.0),
        per_epoch=per_epoch,
        per_item=per_item,
        per_scoring=max(scoring - videos_scored(settings, FEW, FEW) * per_video, 0.0),
        per_video=per_video,
        checkpoint=most.checkpoint.stat().st_size,
        score=(most.scores(_LONG).stat().st_size - least.scores(_LONG).stat().st_size) / (MANY - FEW),
    )

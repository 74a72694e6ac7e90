"""What one training run is made of, and its networks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from i2vadapt.config import TrainSettings
from i2vadapt.models import TwoStream


@dataclass(frozen=True)
class Run:
    """What one training run is made of.

    Attributes:
        folder: where its files go.
        source: dataset folder of the photographs (generated videos).
        target: dataset folder of the real videos.
        classes: names, in the order of the labels.
        settings: of the training.
        seed: of everything random.
        workers: loader processes; 0 loads in the training process.
    """

    folder: Path
    source: Path
    target: Path
    classes: tuple[str, ...]
    settings: TrainSettings
    seed: int
    workers: int = 0


def build_model(settings: TrainSettings, classes: int) -> TwoStream:
    """The networks of a run, before their weights are loaded."""
    model = TwoStream(
        classes,
        settings.streams,
        pace_classes=settings.pace.classes if settings.pace else 0,
        temporal_stride=settings.temporal_stride,
        dropout=settings.dropout,
        frozen=settings.frozen,
        frozen_batch_norm=settings.frozen_batch_norm,
    )
    for module in model.modules():
        if isinstance(module, nn.BatchNorm3d):
            module.momentum = settings.batch_norm_momentum
    return model

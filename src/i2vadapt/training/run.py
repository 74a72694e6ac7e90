"""What one training run is made of, and its networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from i2vadapt.config import TrainSettings
from i2vadapt.models.clip import ClipFrames, initialise_clip
from i2vadapt.models.resnet import FrameResNet, initialise_resnet
from i2vadapt.models.two_stream import TwoStream, initialise_i3d


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


def initialise(model: TwoStream, settings: TrainSettings, classes: Sequence[str]) -> None:
    """Loads the weights that the networks start from.

    Args:
        model: changed in place.
        settings: of the run.
        classes: names in the order of the labels.

    Raises:
        UserError: a file cannot be read or does not fit.
    """
    initialise_i3d(model, _path(settings.init.rgb), _path(settings.init.flow))
    for network in model.networks.values():
        if isinstance(network, ClipFrames):
            initialise_clip(network, _path(settings.clip.weights), classes, settings.clip.prompt)
        if isinstance(network, FrameResNet):
            initialise_resnet(network, _path(settings.resnet.weights))


def _path(name: str | None) -> Path | None:
    return Path(name) if name is not None else None


def build_model(settings: TrainSettings, classes: int) -> TwoStream:
    """The networks of a run, before their weights are loaded."""
    transfer = settings.transfer
    model = TwoStream(
        classes,
        settings.streams,
        pace_classes=settings.pace.classes if settings.pace else 0,
        rgb_network=settings.rgb_network,
        pace_streams=settings.pace.streams if settings.pace else (),
        domain_inputs=transfer.inputs if transfer.loss == "dann" else "none",
        domain_streams=transfer.streams,
        temporal_stride=settings.temporal_stride,
        dropout=settings.dropout,
        frozen=settings.frozen,
        frozen_batch_norm=settings.frozen_batch_norm,
        quick_gelu=settings.clip.quick_gelu,
    )
    for module in model.modules():
        if isinstance(module, nn.BatchNorm3d):
            module.momentum = settings.batch_norm_momentum
    return model

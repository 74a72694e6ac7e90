"""The specification of one training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from i2vadapt.config.run import RunSettings

S = TypeVar("S", bound=RunSettings, covariant=True)


@dataclass(frozen=True)
class Run(Generic[S]):
    """One network or estimator, one recipe, one seed.

    Attributes:
        folder: folder of the run.
        source: dataset folder of the photographs (generated videos).
        target: dataset folder of the real videos.
        classes: class names in the order of the labels.
        settings: settings of the run: recipe, network, stream, optimiser.
        seed: random seed.
        workers: number of loader processes; 0 loads in the training process.
        parents: folders of the runs whose scores are read, by the names that the settings use.
        features: files of the features that are read, by the names of their runs.
    """

    folder: Path
    source: Path
    target: Path
    classes: tuple[str, ...]
    settings: S
    seed: int
    workers: int = 0
    parents: Mapping[str, Path] = field(default_factory=dict)
    features: Mapping[str, Path] = field(default_factory=dict)

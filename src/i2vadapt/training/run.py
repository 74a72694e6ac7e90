"""What one training is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from i2vadapt.config.run import RunSettings


@dataclass(frozen=True)
class Run:
    """One network, one recipe, one seed.

    Attributes:
        folder: where its files go.
        source: dataset folder of the photographs (generated videos).
        target: dataset folder of the real videos.
        classes: names, in the order of the labels.
        settings: recipe, network, stream, optimiser.
        seed: random seed.
        workers: loader processes; 0 loads in the training process.
        parents: folders of the runs whose scores it reads, by the names that its settings use.
    """

    folder: Path
    source: Path
    target: Path
    classes: tuple[str, ...]
    settings: RunSettings
    seed: int
    workers: int = 0
    parents: Mapping[str, Path] = field(default_factory=dict)

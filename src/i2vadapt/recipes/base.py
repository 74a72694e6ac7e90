"""The contract between the trainer and a recipe."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from torch import Tensor

from i2vadapt.clips.batches import Sample, counted_videos
from i2vadapt.clips.domains import Domains
from i2vadapt.clips.loaders import Loaders
from i2vadapt.clips.placement import place
from i2vadapt.config.run import RunSettings
from i2vadapt.inference.scores import Scores
from i2vadapt.models.registry import build_network
from i2vadapt.models.stream_network import RunNetwork, StreamNetwork, StreamOutput
from i2vadapt.runtime.precision import Arithmetic

S = TypeVar("S", bound=RunSettings)

Row = dict[str, float]
"""Named values of an epoch."""


@dataclass(frozen=True)
class Context:
    """What a recipe works with.

    Attributes:
        classes: names in the order of the labels.
        seed: of the run.
        domains: its data.
        loaders: make its batches.
        arithmetic: where and how the network computes.
    """

    classes: tuple[str, ...]
    seed: int
    domains: Domains
    loaders: Loaders
    arithmetic: Arithmetic


@dataclass(frozen=True)
class LossPart:
    """Loss terms of one forward pass, which get a backward pass of their own.

    Attributes:
        terms: weighted terms by name, means over the videos of this process's part of the batch.
        sample: the part.
        clips: clips that went through the network.
        measured: other means to record, e.g. an accuracy.
    """

    terms: Mapping[str, Tensor]
    sample: Sample
    clips: int
    measured: Mapping[str, float] = field(default_factory=dict)

    @property
    def videos(self) -> int:
        """Videos that count in the means."""
        return counted_videos(self.sample)


class Recipe(ABC, Generic[S]):
    """The part of a training that differs between methods.

    Args:
        settings: of the run.
        context: its data and where to compute.

    Attributes:
        model: the network with the heads that only training needs; the trainer moves it to the device.
    """

    def __init__(self, settings: S, context: Context) -> None:
        self.settings, self.context = settings, context
        self.model = self.build_model(build_network(settings, len(context.classes)))

    def build_model(self, network: StreamNetwork) -> RunNetwork:
        """Adds the heads that the losses need."""
        return RunNetwork(network)

    @property
    def steps(self) -> int:
        """Steps of an epoch: one pass over the source."""
        return -(-len(self.context.domains.source.items) // self.settings.batch_size)

    @abstractmethod
    def batches(self, epoch: int, first: int) -> Iterator[Any]:
        """One batch for each step of an epoch, from a step on; what a batch is, is the recipe's own."""

    @abstractmethod
    def loss_parts(self, batch: Any, progress: float) -> Iterator[LossPart]:
        """The terms of the objective for one batch, a forward pass at a time, so that only one's activations are held.

        Args:
            batch: one of `batches`.
            progress: share of the training that is done, 0 to 1.
        """

    def prepare(self) -> None:
        """Runs once before the first step of a training."""

    def after_scoring(self, epoch: int, scores: Scores, parents: Mapping[str, Scores]) -> Row:
        """Takes note of the target's scores.

        Args:
            epoch: epochs that are done.
            scores: of all videos of the target by this run.
            parents: of the same epoch, by the runs that this one reads, at the epochs that its settings name.

        Returns:
            What is recorded of it.
        """
        return {}

    def state_of_epoch(self, epoch: int) -> Row:
        """What is recorded with the losses of an epoch, counted from 0."""
        return {}

    def state_dict(self) -> dict[str, Any]:
        """What the next epoch needs beside the network's weights."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores what `state_dict` gave."""

    def run_network(self, sample: Sample) -> StreamOutput:
        """Forward pass of a batch."""
        arithmetic = self.context.arithmetic
        with arithmetic.autocast():
            output: StreamOutput = self.model(place(sample["clip"], arithmetic))
        return output


def build_recipe(settings: RunSettings, context: Context) -> Recipe[RunSettings]:
    """The recipe that the settings name."""
    recipe: Recipe[RunSettings] = importlib.import_module(f"i2vadapt.recipes.{settings.recipe}").Recipe(
        settings, context
    )
    return recipe

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
from i2vadapt.config.run import TrainingSettings
from i2vadapt.inference.scores import Scores
from i2vadapt.losses.transfer import Compared
from i2vadapt.models.inflation import inflates
from i2vadapt.models.registry import build_network
from i2vadapt.models.stream_network import RunNetwork, StreamNetwork, StreamOutput
from i2vadapt.recipes.calibration import calibrate_batch_norm
from i2vadapt.runtime.precision import Arithmetic

S = TypeVar("S", bound=TrainingSettings)

Row = dict[str, float]
"""Values of an epoch by name."""


@dataclass(frozen=True)
class Context:
    """The environment of a recipe.

    Attributes:
        classes: class names in the order of the labels.
        seed: random seed of the run.
        domains: data of the run.
        loaders: loaders of the run's batches.
        arithmetic: device and data type of the network.
        teachers: last scores of the runs that the settings name as teachers, by their names.
    """

    classes: tuple[str, ...]
    seed: int
    domains: Domains
    loaders: Loaders
    arithmetic: Arithmetic
    teachers: Mapping[str, Scores] = field(default_factory=dict)


@dataclass(frozen=True)
class LossPart:
    """Loss terms of one forward pass, for which the trainer runs one backward pass.

    Attributes:
        terms: weighted loss terms by name, means over the videos of this process's part of the batch.
        sample: this process's part of the batch.
        clips: number of clips that were forwarded.
        measured: further means to record by name, e.g. an accuracy.
        paces: numbers of clips by true and predicted pace, see `count_paces`; None where no pace is predicted.
    """

    terms: Mapping[str, Tensor]
    sample: Sample
    clips: int
    measured: Mapping[str, Tensor] = field(default_factory=dict)
    paces: Tensor | None = None

    @property
    def videos(self) -> int:
        """Number of videos that count in the means."""
        return counted_videos(self.sample)


class Recipe(ABC, Generic[S]):
    """The part of a training that differs between methods.

    Args:
        settings: settings of the run.
        context: data, loaders and arithmetic of the run.

    Attributes:
        model: network with the heads that only training needs; the trainer moves it to the device.
    """

    def __init__(self, settings: S, context: Context) -> None:
        self.settings, self.context = settings, context
        self.model = self.build_model(build_network(settings, len(context.classes)))

    def build_model(self, network: StreamNetwork) -> RunNetwork:
        """Adds the heads that the losses need to the network."""
        return RunNetwork(network)

    @property
    def steps(self) -> int:
        """Number of steps of an epoch, which is one pass over the source."""
        return -(-len(self.context.domains.source.items) // self.settings.batch_size)

    @abstractmethod
    def batches(self, epoch: int, first: int) -> Iterator[Any]:
        """Yields one batch per step; the type of a batch is up to the recipe.

        Args:
            epoch: epoch, counted from 0.
            first: first step to load, counted from 0.
        """

    @abstractmethod
    def loss_parts(self, batch: Any, progress: float) -> Iterator[LossPart]:
        """Yields the loss terms of a batch, one forward pass at a time, so that the activations of only one are kept.

        Args:
            batch: a batch yielded by `batches`.
            progress: share of the training that is done, 0 to 1.
        """

    def prepare(self) -> None:
        """Prepares the network; called once, before the first step of a training.

        Estimates the batch-norm statistics of a flow network that starts from RGB weights.
        """
        if inflates(self.settings):
            batches = self.context.loaders.calibration(self.context.domains)
            calibrate_batch_norm(self.model.network, batches, self.context.arithmetic)

    def after_scoring(self, epoch: int, scores: Scores, partners: Mapping[str, Scores]) -> Row:
        """Reacts to the scores of the target; called after every scored epoch.

        Args:
            epoch: number of finished epochs.
            scores: this run's scores of all target videos.
            partners: scores of the same epoch by the partners, by their names; empty unless `epoch` is one of the
                settings' `epochs_read`.

        Returns:
            Values to record with the epoch.
        """
        return {}

    def state_of_epoch(self, epoch: int) -> Row:
        """Values to record with the losses of an epoch, counted from 0."""
        return {}

    def state_dict(self) -> dict[str, Any]:
        """State that the next epoch needs, except for the weights of `model`."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores the state returned by `state_dict`."""

    def load(self, clips: Any, key: tuple[int, int], first: int) -> Iterator[Sample]:
        """Loads the batches of an epoch, in rounds over all clips.

        Args:
            clips: dataset of clips.
            key: epoch, counted from 0, and purpose.
            first: first step to load.
        """
        return self.context.loaders.training(clips, len(clips), self.steps, key, first)

    def run_network(self, sample: Sample) -> StreamOutput:
        """Forwards the clips of a batch."""
        arithmetic = self.context.arithmetic
        with arithmetic.autocast():
            output: StreamOutput = self.model(place(sample["clip"], arithmetic))
        return output


def compared(output: StreamOutput) -> Compared:
    """What a transfer loss sees of an output."""
    return Compared(output.features, output.video_logits)


def build_recipe(settings: TrainingSettings, context: Context) -> Recipe[TrainingSettings]:
    """Builds the recipe that the settings name.

    Args:
        settings: settings of the run.
        context: data, loaders and arithmetic of the run.
    """
    recipe: Recipe[TrainingSettings] = importlib.import_module(f"i2vadapt.recipes.{settings.recipe}").Recipe(
        settings, context
    )
    return recipe

"""What stages and runs take, as rates that are either measured just now or written in a document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from i2vadapt.config.resolved import ResolvedBenchmark
from i2vadapt.config.run import TrainingSettings
from i2vadapt.pipeline.plan.work import items_learned, videos_scored
from i2vadapt.stages import Branch, Side, Stage


@dataclass(frozen=True)
class Counts:
    """How much there is of one side of a benchmark.

    Attributes:
        items: number of photographs or videos.
        frames: number of frames of all videos, estimated; of photographs their number.
    """

    items: int
    frames: float


@dataclass(frozen=True)
class Rate:
    """What a stage takes.

    Attributes:
        start: seconds of a job before and after its work.
        seconds: of one photograph, or one frame of a video, in a job of its own; None if unknown.
        size: bytes that it stores of one; None if unknown.
        gpu: whether it runs on a GPU.
        assumed: where the seconds come from, if they were not measured.
    """

    start: float
    seconds: float | None
    size: float | None
    gpu: bool = False
    assumed: str = ""


@dataclass(frozen=True)
class TrainingRate:
    """What a run takes; None is unknown.

    Attributes:
        start: seconds of a training before its first step and after its last scores.
        per_epoch: seconds of an epoch before its first step and after its last.
        per_item: seconds of an epoch for each item whose label is learned, with what the run does beside it.
        per_scoring: seconds of scoring before the first video and after the last.
        per_video: seconds of scoring for each video.
        checkpoint: bytes of checkpoint.pt.
        score: bytes of one epoch's scores for each item.
        gpu: whether it runs on a GPU.
        assumed: where the seconds come from, if they were not measured.
    """

    start: float
    per_epoch: float
    per_item: float | None
    per_scoring: float
    per_video: float | None
    checkpoint: float | None
    score: float
    gpu: bool = False
    assumed: str = ""

    def seconds(self, settings: TrainingSettings, photographs: int, videos: int) -> float | None:
        """Seconds of a run; every scored epoch scores all videos, whatever the protocol."""
        learned = items_learned(settings, photographs, videos)
        if self.per_video is None or (learned and self.per_item is None):
            return None
        scoring = self.per_scoring + self.per_video * videos_scored(settings, photographs, videos)
        epochs = settings.epochs * (self.per_epoch + (self.per_item or 0.0) * learned)
        return self.start + epochs + len(settings.scored_epochs()) * scoring

    def size(self, settings: TrainingSettings, photographs: int, videos: int) -> float | None:
        """Bytes that a run stores: its checkpoint and its scores, which hold features where other runs read them."""
        if self.checkpoint is None:
            return None
        items = (photographs + videos) / 2 if settings.keep_features else videos
        return self.checkpoint + len(settings.scored_epochs()) * self.score * items


class Prices(Protocol):
    """Where counts and rates come from."""

    @property
    def cores(self) -> int:
        """Number of CPU cores, which decides how many jobs run side by side."""

    def counts(self, part: ResolvedBenchmark, side: Side) -> Counts:
        """Number of items of one side of a benchmark, and of their frames.

        Raises:
            UserError: if it cannot be known.
        """

    def of_stage(self, part: ResolvedBenchmark, branch: Branch, stage: Stage) -> Rate | None:
        """What a stage takes; None if unknown."""

    def of_run(self, part: ResolvedBenchmark, name: str, settings: TrainingSettings) -> TrainingRate | None:
        """What a run takes; None if unknown."""

    def describe(self) -> list[str]:
        """Lines about the origin of the figures."""

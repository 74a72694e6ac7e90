"""Prices from a document of rates: neither the data nor the machine is needed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from i2vadapt.config.rates import Rates
from i2vadapt.config.resolved import ResolvedBenchmark
from i2vadapt.config.run import TrainingSettings
from i2vadapt.errors import UserError
from i2vadapt.pipeline.plan.costs import Counts, Rate, TrainingRate
from i2vadapt.pipeline.plan.units import frames_of_item, rows_read, section_of
from i2vadapt.pipeline.plan.work import clips_per_item, work_of
from i2vadapt.stages import Branch, Side, Stage

_SCORE = 60  # bytes of an item's id, label and place in a file of scores
_PROBABILITY = 4
_FEATURES = 2 * 1024 + 40  # bytes of an item's features and its id


@dataclass(frozen=True)
class Written:
    """See `Prices`.

    Attributes:
        rates: the document.
        path: its file, for messages.
    """

    rates: Rates
    path: Path

    @property
    def cores(self) -> int:
        """Number of CPU cores of the document's machine."""
        return self.rates.cores

    def counts(self, part: ResolvedBenchmark, side: Side) -> Counts:
        """The expected numbers of the benchmark file; where it has none, the data is counted."""
        spec = part.benchmark.source if side == "source" else part.benchmark.target
        frames = 1.0 if side == "source" else spec.expected_frames
        if spec.expected is not None and frames is not None:
            return Counts(spec.expected, spec.expected * frames)
        if not Path(spec.root).is_dir():
            keys = "expected" if side == "source" else "expected and expected_frames"
            raise UserError(f"{part.file}: {side}: needs {keys} to be priced without its data: there is no {spec.root}")
        from i2vadapt.pipeline.plan.sample import draw_sample  # needs what decodes pictures and videos

        sample = draw_sample(part, side)
        return Counts(sample.items, sample.frames)

    def of_stage(self, part: ResolvedBenchmark, branch: Branch, stage: Stage) -> Rate | None:
        """Rate of a stage with its settings; None if the document has none."""
        section = section_of(part.settings, branch, stage)
        found = self.rates.of_stage(stage.name, branch, rows_read(part.settings, branch, stage), section)
        if found is None:
            return None
        frames = frames_of_item(part.settings, branch, stage)
        return Rate(
            start=found.start,
            seconds=None if found.seconds is None else found.seconds * frames,
            size=None if found.size is None else found.size * frames,
            gpu=found.gpu,
            assumed=found.note if found.origin == "assumed" else "",
        )

    def of_run(self, part: ResolvedBenchmark, name: str, settings: TrainingSettings) -> TrainingRate | None:
        """Rate of a run by its kind of work; None if the document has none."""
        work = work_of(settings)
        trains = self.rates.of_training(work)
        scores = trains or self.rates.of_scoring(work)
        if scores is None:
            return None
        per_clip = trains.per_clip if trains is not None else None
        classes = len(part.benchmark.classes)
        return TrainingRate(
            start=scores.start,
            per_epoch=scores.per_epoch,
            per_item=None if per_clip is None else per_clip * clips_per_item(settings),
            per_scoring=scores.per_scoring,
            per_video=scores.per_video,
            checkpoint=scores.checkpoint,
            score=_SCORE + _PROBABILITY * classes + (2 * _FEATURES if settings.keep_features else 0),
            gpu=self.rates.gpus > 0,
            assumed=scores.note if scores.origin == "assumed" else "",
        )

    def describe(self) -> list[str]:
        """Where the figures come from."""
        rates = self.rates
        lines = [f"Computed from {self.path}: {rates.machine}; {rates.measured_by}, {rates.date}."]
        return [*lines, *([rates.note] if rates.note else [])]

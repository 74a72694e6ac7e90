"""Prices measured just now: every stage and every kind of training is run on a few of the data's own items."""

from __future__ import annotations

import datetime
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from i2vadapt.config.documents import DatasetSpec
from i2vadapt.config.rates import ELSEWHERE, NetworkRate, Rates, StageRate, Work
from i2vadapt.config.resolved import ResolvedBenchmark
from i2vadapt.config.run import TrainingSettings
from i2vadapt.pipeline.plan.costs import Counts, Rate, TrainingRate
from i2vadapt.pipeline.plan.machine import describe_machine, gpu_count
from i2vadapt.pipeline.plan.preprocessing import measure_stages
from i2vadapt.pipeline.plan.sample import MANY, Sample, draw_sample
from i2vadapt.pipeline.plan.training import measure_training, without_inputs
from i2vadapt.pipeline.plan.units import frames_of_item, rows_read, section_of
from i2vadapt.pipeline.plan.work import clips_per_item, work_of
from i2vadapt.stages import Branch, Side, Stage

_logger = logging.getLogger(__name__)

_DIGITS = 4


@contextmanager
def measuring(cores: int) -> Iterator[Measured]:
    """Prices that are measured when they are first asked for, in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="i2vadapt-plan-") as name:
        yield Measured(cores, Path(name))


@dataclass
class Measured:
    """See `Prices`.

    Attributes:
        cores: of the machine.
        folder: for samples, their shards and trainings.
    """

    cores: int
    folder: Path
    _samples: dict[str, Sample] = field(default_factory=dict)
    _stages: dict[str, dict[Stage, Rate]] = field(default_factory=dict)
    _runs: dict[str, TrainingRate] = field(default_factory=dict)
    _written_stages: list[StageRate] = field(default_factory=list)
    _written_runs: dict[Work, tuple[int, NetworkRate]] = field(default_factory=dict)

    def counts(self, part: ResolvedBenchmark, side: Side) -> Counts:
        """Number of items of the data, and of their frames, from those of some videos."""
        sample = self._sample(part, side)
        return Counts(sample.items, sample.frames)

    def of_stage(self, part: ResolvedBenchmark, branch: Branch, stage: Stage) -> Rate | None:
        """Rate of a stage; None of crops, for which a classifier would have to be trained."""
        if branch == "crops":
            return None
        return self._rates(part, branch)[stage]

    def of_run(self, part: ResolvedBenchmark, name: str, settings: TrainingSettings) -> TrainingRate:
        """Rate of a run; those that do the same kind of work are measured together."""
        plain = without_inputs(settings)
        work = work_of(settings)
        same = (part.benchmark.name, work.model_dump_json(), plain.recipe, clips_per_item(plain), plain.batch_size)
        key = str((*same, plain.keep_features))
        if key not in self._runs:
            for side in get_args(Side):
                self._rates(part, side)
            _logger.info("%s: measuring the training of %s", part.benchmark.name, name)
            folder = self.folder / part.benchmark.name
            sides = (folder / "source", folder / "target")
            rate = measure_training(settings, list(part.benchmark.classes), *sides, folder / name, self.cores)
            self._runs[key] = rate
            self._note_run(work, clips_per_item(plain), rate)
        return self._runs[key]

    def describe(self) -> list[str]:
        """Where the figures come from."""
        return [f"Measured just now on this machine, {self.cores} cores, on up to {MANY} items a dataset."]

    def written(self, name: str) -> Rates:
        """The rates measured so far, as a document.

        Args:
            name: of the command that measures.
        """
        datasets = dict.fromkeys(self._samples)
        return Rates(
            machine=describe_machine(self.cores),
            measured_by=f"{name}, on up to {MANY} items of {', '.join(datasets)}",
            date=datetime.date.today().isoformat(),
            cores=self.cores,
            gpus=gpu_count(),
            stages=tuple(self._written_stages),
            training=tuple(rate for _, rate in self._written_runs.values()),
        )

    def _sample(self, part: ResolvedBenchmark, side: Side) -> Sample:
        spec = _spec(part, side)
        if spec.dataset not in self._samples:
            sample = self._samples[spec.dataset] = draw_sample(part, side)
            _logger.info("%s: measuring on %d of %d items", spec.dataset, len(sample.many), sample.items)
        return self._samples[spec.dataset]

    def _rates(self, part: ResolvedBenchmark, side: Side) -> dict[Stage, Rate]:
        name = f"{part.benchmark.name}/{side}"
        if name not in self._stages:
            found = measure_stages(self._sample(part, side), part.settings, self.folder / name, self.cores)
            self._stages[name] = found
            for stage, rate in found.items():
                self._note_stage(part, side, stage, rate)
        return self._stages[name]

    def _note_stage(self, part: ResolvedBenchmark, branch: Branch, stage: Stage, rate: Rate) -> None:
        frames = frames_of_item(part.settings, branch, stage)
        section = section_of(part.settings, branch, stage)
        entry = StageRate(
            stage=stage.name,
            branch=branch,
            rows=rows_read(part.settings, branch, stage),
            settings=section.model_dump(mode="json", exclude_defaults=True, exclude=set(ELSEWHERE)),
            gpu=rate.gpu,
            start=_rounded(rate.start),
            seconds=_rounded((rate.seconds or 0.0) / frames),
            size=_rounded((rate.size or 0.0) / frames),
        )
        if not any(other.is_of(stage.name, branch, entry.rows, section) for other in self._written_stages):
            self._written_stages.append(entry)

    def _note_run(self, work: Work, clips: int, rate: TrainingRate) -> None:
        if work in self._written_runs and self._written_runs[work][0] <= clips:
            return  # the plainest run shows the time of a clip best
        entry = NetworkRate(
            work=work,
            start=_rounded(rate.start),
            per_epoch=_rounded(rate.per_epoch),
            per_clip=_rounded((rate.per_item or 0.0) / clips),
            per_scoring=_rounded(rate.per_scoring),
            per_video=_rounded(rate.per_video or 0.0),
            checkpoint=_rounded(rate.checkpoint or 0.0),
        )
        self._written_runs[work] = (clips, entry)


def _spec(part: ResolvedBenchmark, side: Side) -> DatasetSpec:
    return part.benchmark.source if side == "source" else part.benchmark.target


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")

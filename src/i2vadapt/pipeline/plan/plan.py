"""The command *plan*: items, jobs, gigabytes and hours of every stage, before anything runs."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from i2vadapt import stages
from i2vadapt.config.documents import Config, DatasetSpec
from i2vadapt.config.resolved import ResolvedBenchmark
from i2vadapt.config.run import TrainingSettings
from i2vadapt.pipeline.plan.rates import Rate, measure_stages
from i2vadapt.pipeline.plan.sample import MANY, Sample, draw_sample
from i2vadapt.pipeline.plan.training import TrainingRate, measure_training, without_inputs
from i2vadapt.stages import Side, Stage

_logger = logging.getLogger(__name__)

SIDES: tuple[Side, ...] = ("source", "target")


@dataclass(frozen=True)
class Row:
    """A stage on a dataset, a run of a benchmark, or a method of it.

    Attributes:
        stage: its rule.
        name: dataset; or benchmark, and run or method.
        items: photographs, videos, or epochs.
        jobs: of the workflow.
        size: bytes it stores.
        seconds: it takes on the machine, where jobs run side by side as the default profile lets them.
    """

    stage: str
    name: str
    items: int
    jobs: int
    size: float
    seconds: float


def make_plan(config: Config, benchmarks: Sequence[ResolvedBenchmark], cores: int) -> list[Row]:
    """Measures every stage of all benchmarks on a few of their own items, in a temporary folder.

    Raises:
        UserError: if data is missing, or a stage fails.
    """
    rows: dict[tuple[str, str], Row] = {}  # datasets that benchmarks share are made once
    for part in benchmarks:
        with tempfile.TemporaryDirectory(prefix="i2vadapt-plan-") as name:
            for row in _plan_benchmark(part, len(config.seeds), Path(name), cores):
                rows.setdefault((row.stage, row.name), row)
    return list(rows.values())


def _plan_benchmark(part: ResolvedBenchmark, seeds: int, folder: Path, cores: int) -> Iterable[Row]:
    benchmark = part.benchmark
    samples: dict[Side, Sample] = {}
    for side in SIDES:
        spec = getattr(benchmark, side)
        samples[side] = draw_sample(part, side)
        _logger.info("%s: measuring on %d of %d items", spec.dataset, len(samples[side].many), samples[side].items)
        rates = measure_stages(samples[side], part.settings, folder / side, cores)
        yield from _stage_rows(spec, samples[side], rates, cores)
    yield from _run_rows(part, samples, seeds, folder, cores)
    for name in part.methods:
        yield Row(stages.FUSE.name, f"{benchmark.name}, {name}", samples["target"].items, seeds, 0.0, 0.0)


def _stage_rows(spec: DatasetSpec, sample: Sample, rates: Mapping[Stage, Rate], cores: int) -> Iterable[Row]:
    for stage, rate in rates.items():
        side_by_side = 1 if stage.gpu else max(cores // stage.threads, 1)  # the default profile has one GPU
        seconds = (spec.shards * rate.start + sample.frames * rate.seconds) / min(side_by_side, spec.shards)
        yield Row(stage.name, spec.dataset, sample.items, spec.shards, sample.frames * rate.size, seconds)


def _run_rows(
    part: ResolvedBenchmark, samples: Mapping[Side, Sample], seeds: int, folder: Path, cores: int
) -> Iterable[Row]:
    """Each run, measured once; runs that take the same time, such as those that differ in the bank, together."""
    measured: dict[str, TrainingRate] = {}
    photographs, videos = samples["source"].items, samples["target"].items
    trained = {name: run for name, run in part.runs.items() if isinstance(run, TrainingSettings)}
    for name, settings in trained.items():
        key = without_inputs(settings).model_dump_json()
        if key not in measured:
            _logger.info("%s: measuring the training of %s", part.benchmark.name, name)
            sides = (folder / "source", folder / "target")
            measured[key] = measure_training(settings, list(part.benchmark.classes), *sides, folder / name, cores)
        rate = measured[key]
        size, seconds = rate.size(settings, photographs, videos), rate.seconds(settings, photographs, videos)
        where = f"{part.benchmark.name}, {name}"
        yield Row(stages.TRAIN.name, where, settings.epochs, seeds, seeds * size, seeds * seconds)


def describe(rows: Sequence[Row], cores: int) -> list[str]:
    """The table, and where its figures come from."""
    lines = [f"{'stage':12}{'dataset, run or method':36}{'items':>8}{'jobs':>7}{'GB':>9}{'hours':>9}"]
    jobs, size, seconds = (sum(getattr(row, name) for row in rows) for name in ("jobs", "size", "seconds"))
    for row in [*rows, Row("all", "", 0, jobs, size, seconds)]:
        items = f"{row.items}" if row.items else ""
        lines.append(
            f"{row.stage:12}{row.name:36}{items:>8}{row.jobs:>7}{row.size / 1e9:>9.3f}{row.seconds / 3600:>9.3f}"
        )
    lines.append(
        f"Measured just now on this machine, {cores} cores, on up to {MANY} items a dataset; stages one after another."
        " Not counted: manifests (every file is read once), crops, features and methods that classify them (minutes),"
        " fusion (seconds), reports, rendering of the demo."
    )
    return lines

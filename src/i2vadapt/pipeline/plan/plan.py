"""The command *plan*: items, jobs, gigabytes and hours of every stage, before anything runs."""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from i2vadapt.config.documents import Config, DatasetSpec
from i2vadapt.config.resolve import ResolvedBenchmark
from i2vadapt.pipeline.plan.rates import WORKERS, Rate, measure_stages
from i2vadapt.pipeline.plan.sample import Sample, draw_sample
from i2vadapt.pipeline.plan.training import TrainingRate, evaluations, measure_training

_logger = logging.getLogger(__name__)

ONE_AT_A_TIME = ("depth", "train", "evaluate")  # the default profile has one GPU


@dataclass(frozen=True)
class Row:
    """A stage on a dataset, or a method on a benchmark.

    Attributes:
        stage: its rule.
        name: dataset, or benchmark and method.
        items: photographs, videos, or epochs.
        jobs: of the workflow.
        size: bytes it stores.
        seconds: it takes on the machine, where jobs run side by side as the profile lets them.
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
            for row in _plan_benchmark(part, config.seeds, Path(name), cores):
                rows.setdefault((row.stage, row.name), row)
    return list(rows.values())


def _plan_benchmark(part: ResolvedBenchmark, seeds: Sequence[int], folder: Path, cores: int) -> Iterable[Row]:
    benchmark = part.benchmark
    samples: dict[str, Sample] = {}
    for side, spec in (("source", benchmark.source), ("target", benchmark.target)):
        samples[side] = draw_sample(part, side)
        _logger.info("%s: measuring on %d of %d items", spec.dataset, len(samples[side].many), samples[side].items)
        rates = measure_stages(samples[side], part.settings, folder / side, cores)
        yield from _stage_rows(spec, samples[side], rates, cores)
    measured: dict[str, TrainingRate] = {}
    for name, settings in part.methods.items():
        key = json.dumps(settings.model_dump(mode="json"), sort_keys=True)
        if key not in measured:
            _logger.info("%s: measuring the training of %s", benchmark.name, name)
            sides = (folder / "source", folder / "target")
            measured[key] = measure_training(settings, list(benchmark.classes), *sides, folder / name, cores)
        rate, runs = measured[key], len(seeds)
        steps = settings.epochs * (rate.per_epoch + samples["source"].items * rate.per_photograph)
        scoring = rate.per_video * samples["target"].items
        seconds = rate.start + steps + evaluations(settings) * scoring
        where = f"{benchmark.name}, {name}"
        yield Row("train", where, settings.epochs, runs, runs * rate.size, runs * seconds)
        yield Row("evaluate", where, samples["target"].items, runs, 0.0, runs * (rate.evaluation_start + scoring))


def _stage_rows(spec: DatasetSpec, sample: Sample, rates: Mapping[str, Rate], cores: int) -> Iterable[Row]:
    for stage, rate in rates.items():
        side_by_side = 1 if stage in ONE_AT_A_TIME else max(cores // WORKERS, 1)
        seconds = (spec.shards * rate.start + sample.frames * rate.seconds) / min(side_by_side, spec.shards)
        yield Row(stage, spec.dataset, sample.items, spec.shards, sample.frames * rate.size, seconds)


def describe(rows: Sequence[Row], cores: int) -> list[str]:
    """The table, and where its figures come from."""
    lines = [f"{'stage':12}{'of':32}{'items':>8}{'jobs':>7}{'GB':>9}{'hours':>9}"]
    total = Row(
        "all", "", 0, sum(row.jobs for row in rows), sum(row.size for row in rows), sum(r.seconds for r in rows)
    )
    for row in [*rows, total]:
        items = f"{row.items}" if row.items else ""
        lines.append(
            f"{row.stage:12}{row.name:32}{items:>8}{row.jobs:>7}{row.size / 1e9:>9.3f}{row.seconds / 3600:>9.3f}"
        )
    lines.append(
        f"Measured just now on this machine, {cores} cores, on up to 18 items a dataset; stages one after another."
        " Not counted: manifests (every file is read once), reports, rendering of the demo."
    )
    return lines

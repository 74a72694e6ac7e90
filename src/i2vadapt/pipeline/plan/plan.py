"""The command *plan*: items, jobs, gigabytes and hours of every stage and run, before anything runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from i2vadapt import stages
from i2vadapt.config.datasets import crops_dataset
from i2vadapt.config.resolved import ResolvedBenchmark
from i2vadapt.config.run import TrainingSettings
from i2vadapt.pipeline.plan.costs import Counts, Prices, Rate
from i2vadapt.pipeline.plan.needs import Needs, find_needs
from i2vadapt.pipeline.targets import Targets
from i2vadapt.stages import Branch, Side, Stage


@dataclass(frozen=True)
class Row:
    """A stage on a dataset, a run of a benchmark, or a method of it.

    Attributes:
        stage: its rule.
        name: dataset; or benchmark, and run or method.
        items: photographs, videos, or epochs.
        jobs: of the workflow.
        size: bytes it stores; None if unknown.
        seconds: it takes on the machine, where jobs run side by side as the default profile lets them; None if unknown.
        gpu: whether it takes a GPU for that time.
        assumed: where the seconds come from, if they were not measured.
    """

    stage: str
    name: str
    items: int
    jobs: int
    size: float | None
    seconds: float | None
    gpu: bool = False
    assumed: str = ""


@dataclass(frozen=True)
class Sharing:
    """What it saves that methods share runs.

    Attributes:
        methods: number of methods, each counted once for a benchmark.
        runs: number of runs, each counted once for a seed.
        alone: number of runs if every method had its own.
        seconds: seconds saved; None if no saved run has a price.
        unpriced: number of saved runs without a price.
    """

    methods: int
    runs: int
    alone: int
    seconds: float | None
    unpriced: int


@dataclass(frozen=True)
class Plan:
    """Rows of the plan, and what sharing saves in them."""

    rows: list[Row]
    sharing: Sharing


def make_plan(targets: Targets, prices: Prices) -> Plan:
    """Prices what targets need.

    Args:
        targets: tables, figures and methods.
        prices: source of counts and rates.

    Raises:
        UserError: if data is missing, or a stage fails on a sample of it.
    """
    rows: dict[tuple[str, str], Row] = {}  # datasets that benchmarks share are made once
    every = [(part, find_needs(part, targets)) for part in targets.benchmarks]
    for part, needs in every:
        for row in _plan_benchmark(part, needs, len(targets.seeds), prices):
            rows.setdefault((row.stage, row.name), row)
    return Plan(list(rows.values()), _sharing(every, rows))


def _plan_benchmark(part: ResolvedBenchmark, needs: Needs, seeds: int, prices: Prices) -> Iterable[Row]:
    counts: dict[Side, Counts] = {side: prices.counts(part, side) for side in ("source", "target")}
    for branch, stage in needs.stages:
        yield _stage_row(part, branch, stage, counts["target" if branch == "target" else "source"], prices)
    photographs, videos = counts["source"].items, counts["target"].items
    for name, settings in needs.runs.items():
        row = Row(stages.TRAIN.name, f"{part.benchmark.name}, {name}", settings.epochs, needs.seeds[name], None, None)
        rate = prices.of_run(part, name, settings) if isinstance(settings, TrainingSettings) else None
        if rate is not None and isinstance(settings, TrainingSettings):
            size, seconds = rate.size(settings, photographs, videos), rate.seconds(settings, photographs, videos)
            size, seconds = (None if one is None else row.jobs * one for one in (size, seconds))
            row = Row(row.stage, row.name, row.items, row.jobs, size, seconds, rate.gpu, rate.assumed)
        yield row
    for name, jobs in needs.features.items():
        yield Row(stages.FEATURES.name, f"{part.benchmark.name}, {name}", photographs + videos, jobs, None, None)
    for name in needs.methods:
        yield Row(stages.FUSE.name, f"{part.benchmark.name}, {name}", videos, seeds, 0.0, 0.0)


def _stage_row(part: ResolvedBenchmark, branch: Branch, stage: Stage, counts: Counts, prices: Prices) -> Row:
    spec = part.benchmark.target if branch == "target" else part.benchmark.source
    name = crops_dataset(part.benchmark.name) if branch == "crops" else spec.dataset
    rate = prices.of_stage(part, branch, stage) or Rate(0.0, None, None)
    side_by_side = 1 if stage.gpu or rate.gpu else max(prices.cores // stage.threads, 1)  # by default, one GPU
    seconds = size = None
    if rate.seconds is not None:
        seconds = (spec.shards * rate.start + counts.frames * rate.seconds) / min(side_by_side, spec.shards)
    if rate.size is not None:
        size = counts.frames * rate.size
    return Row(stage.name, name, counts.items, spec.shards, size, seconds, rate.gpu, rate.assumed)


def _sharing(every: Sequence[tuple[ResolvedBenchmark, Needs]], rows: dict[tuple[str, str], Row]) -> Sharing:
    saved, unpriced = list[float](), 0
    for part, needs in every:
        for name, alone in needs.alone.items():
            row = rows[stages.TRAIN.name, f"{part.benchmark.name}, {name}"]
            spared = alone - row.jobs
            if row.seconds is None:
                unpriced += spared
            elif spared:
                saved.append(spared * row.seconds / row.jobs)
    return Sharing(
        methods=sum(len(needs.methods) for _, needs in every),
        runs=sum(sum(needs.seeds.values()) for _, needs in every),
        alone=sum(sum(needs.alone.values()) for _, needs in every),
        seconds=sum(saved) if saved else None,
        unpriced=unpriced,
    )

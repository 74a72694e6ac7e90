"""What methods need of a benchmark: runs, each once for a seed however many methods share it, and stages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from i2vadapt import stages
from i2vadapt.config.networks import FRAME_NETWORKS
from i2vadapt.config.resolved import ResolvedBenchmark
from i2vadapt.config.run import RunSettings, TrainingSettings
from i2vadapt.pipeline.targets import Targets, drawn_runs, seeds_of_runs
from i2vadapt.stages import Branch, Stage


@dataclass(frozen=True)
class Needs:
    """What some methods need of a benchmark.

    Attributes:
        methods: their names, each once.
        runs: settings of all runs, by name, each after those from which it reads.
        seeds: number of seeds with which each run is trained, by name.
        alone: number of trainings of each run if every method trained its own, by name.
        features: number of files of features that are computed with each run's network, by name.
        stages: branches and stages of preprocessing, in order.
    """

    methods: tuple[str, ...]
    runs: Mapping[str, RunSettings]
    seeds: Mapping[str, int]
    alone: Mapping[str, int]
    features: Mapping[str, int]
    stages: tuple[tuple[Branch, Stage], ...]


def find_needs(part: ResolvedBenchmark, targets: Targets) -> Needs:
    """Collects what targets need of one of their benchmarks.

    Args:
        part: the benchmark, with the methods that are asked for as the chosen ones.
        targets: tables, figures and methods.

    Raises:
        UserError: if the runs of a method have wrong settings, or do not fit together.
    """
    runs, seeds = part.runs, targets.seeds
    shared = seeds_of_runs(part, part.chosen, seeds)
    each = [seeds_of_runs(part, [name], seeds) for name in part.chosen]
    drawn = drawn_runs(part, targets)
    read = [(name, seed) for run in runs for name in runs[run].feature_runs for seed in shared[run]]
    computed = {*read, *((name, -1) for name in drawn)}  # features of videos are files of their own
    return Needs(
        methods=part.chosen,
        runs=runs,
        seeds={name: len(shared[name]) for name in runs},
        alone={name: sum(len(found.get(name, ())) for found in each) for name in runs},
        features=Counter(name for name, _ in sorted(computed)),
        stages=_stages([runs[name] for name in runs], [runs[name] for name in drawn]),
    )


def _stages(runs: Sequence[RunSettings], drawn: Sequence[RunSettings]) -> tuple[tuple[Branch, Stage], ...]:
    """Stages whose shards runs read, or the figures of their features."""
    networks = [settings for settings in runs if isinstance(settings, TrainingSettings)]
    generated = [
        settings for settings in networks if settings.source_items == "videos" and settings.crop_classifier is None
    ]
    generated += [
        settings
        for settings in drawn
        if isinstance(settings, TrainingSettings)
        and settings.network not in FRAME_NETWORKS
        and settings.crop_classifier is None
    ]
    readers: dict[Branch, list[TrainingSettings]] = {
        "source": generated,
        "crops": [settings for settings in networks if settings.crop_classifier is not None],
        "target": networks,
    }
    return tuple(
        (branch, stage)
        for branch, reading in readers.items()
        for stage in stages.preprocessing(branch)
        if (reading if stage is not stages.FLOW else any(settings.stream == "flow" for settings in reading))
    )

"""What methods need of a benchmark: runs, each once for a seed however many methods share it, and stages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from i2vadapt import stages
from i2vadapt.config.experiments import Experiment
from i2vadapt.config.networks import FRAME_NETWORKS
from i2vadapt.config.resolved import ResolvedBenchmark
from i2vadapt.config.run import RunSettings, TrainingSettings
from i2vadapt.errors import UserError
from i2vadapt.stages import Branch, Stage

PAPER = "paper"
"""Target of all experiments of the paper."""


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


def choose_experiments(targets: Sequence[str], known: Mapping[str, Experiment]) -> list[Experiment]:
    """The experiments of some targets, each once.

    Args:
        targets: names of experiments, or `paper`.
        known: all experiments by name.

    Raises:
        UserError: if there is no such target.
    """
    unknown = [name for name in targets if name not in (*known, PAPER)]
    if unknown:
        raise UserError(f"no target {', '.join(map(repr, unknown))}; there are {', '.join([*known, PAPER])}")
    return [
        experiment for name, experiment in known.items() if name in targets or (PAPER in targets and experiment.paper)
    ]


def find_needs(part: ResolvedBenchmark, experiments: Sequence[Experiment], seeds: Sequence[int]) -> Needs:
    """Collects what experiments need of a benchmark; without any, what its chosen methods need.

    Args:
        part: the benchmark.
        experiments: tables and figures.
        seeds: random seeds.

    Raises:
        UserError: if the runs of a method have wrong settings, or do not fit together.
    """
    listed = [name for experiment in experiments for name in experiment.all_methods()]
    methods = tuple(dict.fromkeys(listed if experiments else part.chosen))
    runs = part.runs_of(methods)
    shared = _seeds_of_runs(part, methods, seeds)
    each = [_seeds_of_runs(part, [name], seeds) for name in methods]
    drawn = [name for experiment in experiments for method in experiment.features for name in part.method(method).fuse]
    read = [(name, seed) for run in runs for name in runs[run].feature_runs for seed in shared[run]]
    computed = {*read, *((name, -1) for name in drawn)}  # features of videos are files of their own
    return Needs(
        methods=methods,
        runs=runs,
        seeds={name: len(shared[name]) for name in runs},
        alone={name: sum(len(found.get(name, ())) for found in each) for name in runs},
        features=Counter(name for name, _ in sorted(computed)),
        stages=_stages([runs[name] for name in runs], [runs[name] for name in drawn]),
    )


def _seeds_of_runs(part: ResolvedBenchmark, methods: Collection[str], seeds: Sequence[int]) -> dict[str, set[int]]:
    """Seeds of the runs that methods need; a classifier by which photographs are cropped is always that of seed 0."""
    found: dict[str, set[int]] = {}

    def add(name: str, wanted: set[int]) -> None:
        if wanted <= found.get(name, set()):
            return
        found[name] = found.get(name, set()) | wanted
        settings = part.run(name)
        for parent in settings.parents:
            add(parent, wanted)
        if settings.crop_classifier is not None:
            add(settings.crop_classifier, {0})

    for method in methods:
        for run in part.method(method).fuse:
            add(run, set(seeds))
    return found


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

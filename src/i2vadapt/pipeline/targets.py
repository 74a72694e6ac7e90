"""What a user asks the workflow for: tables, figures and methods, and the runs and seeds behind them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from i2vadapt.config.experiments import Experiment, base_of
from i2vadapt.config.resolved import ResolvedBenchmark
from i2vadapt.errors import UserError

PAPER = "paper"
"""Target of all experiments of the paper."""


@dataclass(frozen=True)
class Targets:
    """What the workflow is asked for.

    Attributes:
        benchmarks: benchmarks with the methods that are asked for as the chosen ones.
        experiments: tables and figures, by name.
        reports: whether the reports of the benchmarks are asked for.
        seeds: seeds of all runs.
    """

    benchmarks: Sequence[ResolvedBenchmark]
    experiments: Mapping[str, Experiment]
    reports: bool
    seeds: Sequence[int]


def choose_targets(
    names: Sequence[str],
    benchmarks: Sequence[ResolvedBenchmark],
    experiments: Mapping[str, Experiment],
    seeds: Sequence[int],
) -> Targets:
    """Finds what names stand for.

    Args:
        names: experiments, `paper` for all of the paper's, and methods; without any, the methods and reports of the
            configuration.
        benchmarks: benchmarks of the configuration.
        experiments: all tables and figures, by name.
        seeds: seeds of all runs.

    Raises:
        UserError: if there is no such experiment or method.
    """
    if not names:
        return Targets(benchmarks, {}, True, seeds)
    known = benchmarks[0].table.methods if benchmarks else {}
    for name in names:
        if name not in (*experiments, PAPER) and base_of(name) not in known:
            raise UserError(
                f"no target {name!r}; there are {', '.join([*experiments, PAPER])} and the methods {', '.join(known)}"
            )
    chosen = {
        name: experiment
        for name, experiment in experiments.items()
        if name in names or (PAPER in names and experiment.paper)
    }
    methods = [name for name in names if base_of(name) in known]
    methods += [method for experiment in chosen.values() for method in experiment.all_methods()]
    parts = [replace(part, chosen=tuple(dict.fromkeys(methods))) for part in benchmarks]
    return Targets(parts, chosen, False, seeds)


def drawn_runs(part: ResolvedBenchmark, targets: Targets) -> list[str]:
    """Runs whose features of videos the figures and the report show, each once."""
    methods = [method for experiment in targets.experiments.values() for method in experiment.features]
    methods += part.drawn if targets.reports else ()
    return list(dict.fromkeys(run for method in methods for run in part.method(method).fuse))


def seeds_of_runs(part: ResolvedBenchmark, methods: Collection[str], seeds: Sequence[int]) -> dict[str, set[int]]:
    """Seeds with which the runs behind methods are trained, by run.

    A classifier by which photographs are cropped is that of seed 0, whatever the seeds are.
    """
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

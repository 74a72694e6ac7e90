"""A figure of sweeps: the accuracy of a method over the values of a setting, on each benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from i2vadapt.config.documents import Benchmark
from i2vadapt.config.experiments import Experiment, SettingValue, Sweep
from i2vadapt.config.methods import MethodsTable
from i2vadapt.config.parsing import read_yaml
from i2vadapt.layout import Results
from i2vadapt.report.experiments import outcomes
from i2vadapt.report.experiments.outcomes import Outcome, find_outcome, seeds_note
from i2vadapt.report.rendering import render


@dataclass(frozen=True, eq=False)
class SweepLine:
    """A sweep on one benchmark.

    Attributes:
        benchmark: name of the benchmark.
        own: value that the setting has on the benchmark; None until a run has it.
        points: an outcome for each value of the sweep.
    """

    benchmark: str
    own: SettingValue | None
    points: tuple[Outcome, ...]


@dataclass(frozen=True, eq=False)
class SweepPanel:
    """A sweep on all benchmarks; `title` is that of the method."""

    sweep: Sweep
    title: str
    lines: tuple[SweepLine, ...]


def collect_sweeps(
    experiment: Experiment,
    table: MethodsTable,
    benchmarks: Sequence[Benchmark],
    seeds: Sequence[int],
    results: Results,
) -> list[SweepPanel]:
    """Reads what has been trained so far.

    Args:
        experiment: an experiment with sweeps.
        table: content of methods.yaml, for the titles and the runs that have a benchmark's own settings.
        benchmarks: a line for each of them.
        seeds: of every point.
        results: folder of all results.

    Raises:
        UserError: if a method is unknown, or a file is malformed or of other classes.
    """
    panels = []
    for sweep in experiment.sweeps:
        lines = []
        for part in benchmarks:
            points = [
                find_outcome(results, part, name, table.method(name).title, seeds) for name in sweep.points().values()
            ]
            own = own_value(sweep, table.method(sweep.method).fuse, part.name, seeds, results)
            lines.append(SweepLine(part.name, own, tuple(points)))
        panels.append(SweepPanel(sweep, table.method(sweep.method).title, tuple(lines)))
    return panels


def own_value(
    sweep: Sweep, runs: Sequence[str], benchmark: str, seeds: Sequence[int], results: Results
) -> SettingValue | None:
    """The value of the swept setting that a benchmark sets itself, as the runs of the method have it.

    The point of this value shares these runs, so that they are there if it is. The settings are not resolved again:
    config.yaml, which overrides those of the benchmark file, is not known here.

    Args:
        sweep: the sweep.
        runs: names of the runs that its method fuses.
        benchmark: name of the benchmark.
        seeds: of the runs.
        results: folder of all results.
    """
    for run in runs:
        for seed in seeds:
            file = results.run(benchmark, run, seed).settings
            value: Any = read_yaml(file).get("train") if file.is_file() else None
            for key in sweep.setting.split("."):
                value = value.get(key) if isinstance(value, dict) else None
            if isinstance(value, bool | int | float | str):
                return value
    return None


def to_csv(panels: Sequence[SweepPanel]) -> str:
    """A row for each sweep, benchmark and value; `own` is 1 for the benchmark's own setting, empty if not yet known."""
    records: list[dict[str, object]] = [
        {
            "benchmark": line.benchmark,
            "label": panel.sweep.label,
            "setting": panel.sweep.setting,
            "value": shown_value(value),
            "own": "" if line.own is None else int(value == line.own),
            "method": point.name,
            **point.record(),
        }
        for panel in panels
        for line in panel.lines
        for value, point in zip(panel.sweep.values, line.points, strict=True)
    ]
    return outcomes.to_csv(records)


def to_markdown(experiment: Experiment, panels: Sequence[SweepPanel], seeds: Sequence[int]) -> str:
    """A table for each sweep, with a row for each value, a column for each benchmark, and what is missing."""
    return render(
        "experiment_sweeps.md.j2", experiment=experiment, panels=panels, note=seeds_note(seeds), shown_value=shown_value
    )


def shown_value(value: SettingValue) -> str:
    """A value as people write it in YAML."""
    return str(value).lower() if isinstance(value, bool) else str(value)

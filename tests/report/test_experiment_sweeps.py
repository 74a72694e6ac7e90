"""Figures of sweeps: the points, what is missing, and the benchmark's own setting."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_results import write_method

from i2vadapt.config.documents import load_benchmark
from i2vadapt.config.experiments import Experiment
from i2vadapt.config.methods import load_methods
from i2vadapt.layout import Results
from i2vadapt.report.experiments.sweeps import SweepPanel, collect_sweeps, to_csv, to_markdown
from i2vadapt.report.experiments.sweeps_figure import _draw_panel, place_of, positions, sweeps_figure
from i2vadapt.report.plotting import new_figure, style

METHODS = Path(__file__).parents[2] / "workflow" / "methods.yaml"


def experiment_of(values: list[Any], method: str = "cfb", setting: str = "bank.capacity") -> Experiment:
    sweep = {"label": "flows, N", "method": method, "setting": setting, "values": values}
    return Experiment.model_validate({"title": "Sweep", "sweeps": [sweep]})


def collect(results: Results, experiment: Experiment, seeds: tuple[int, ...] = (0, 1)) -> list[SweepPanel]:
    """The shared run flow_bank has a bank of 60 flows, so that the point of 60 fuses it."""
    both = {"rgb": "rgb", "flow": "flow_bank"}
    for seed in seeds[:2]:
        runs = {stream: results.run("tiny", name, seed) for stream, name in both.items()}
        write_method(results.method("tiny", "cfb@bank.capacity=60", seed), "CFB", runs)
    runs = {stream: results.run("tiny", name, 0) for stream, name in both.items()}
    write_method(results.method("tiny", "cfb@bank.capacity=20", 0), "CFB", runs)
    benchmark = load_benchmark(results.path.parent / "tiny.yaml")
    return collect_sweeps(experiment, load_methods(METHODS), [benchmark], seeds, results)


def test_points_that_are_missing_are_named_and_the_own_setting_is_marked(results: Results) -> None:
    experiment = experiment_of([20, 40, 60])
    panels = collect(results, experiment)
    rows = list(csv.DictReader(io.StringIO(to_csv(panels))))
    assert [(row["value"], row["own"], row["state"], row["seeds"], row["seed1"]) for row in rows] == [
        ("20", "0", "1 of 2 seeds", "0", ""),
        ("40", "0", "not run", "", ""),
        ("60", "1", "complete", "0 1", "0.833333"),
    ]
    assert rows[0]["method"] == "cfb@bank.capacity=20"
    text = to_markdown(experiment, panels, (0, 1))
    assert "| bank.capacity | tiny |\n| ---: | ---: |\n| 20 | 100.0 (1 of 2 seeds) |\n| 40 | not run |\n" in text
    assert "| 60 | **91.7 ± 11.8** |\n" in text
    assert "own setting" not in text.partition("## ")[2]


def test_an_own_setting_that_is_no_point_or_not_known_is_told(results: Results) -> None:
    experiment = experiment_of([20, 40])
    assert "tiny: own setting 60." in to_markdown(experiment, collect(results, experiment), (0, 1))
    other = experiment_of([1, 2], "pace", "pace.weight")
    assert "tiny: own setting not known" in to_markdown(other, collect(results, other), (0, 1))


def test_the_panel_has_a_dotted_line_error_bars_dots_of_seeds_and_names_of_missing_points(results: Results) -> None:
    (panel,) = collect(results, experiment_of([20, 40, 60]))
    with style():
        axes = new_figure(4, 3).subplots()
        _draw_panel(axes, panel)
    (dotted,) = [line for line in axes.lines if line.get_linestyle() == ":"]
    assert list(dotted.get_xdata()) == [60, 60]
    assert [text.get_text() for text in axes.texts] == ["not run"]
    assert axes.texts[0].get_position()[0] == 40
    means = axes.containers[0].lines[0]
    np.testing.assert_allclose(np.array(means.get_ydata(), float), [1, np.nan, (1 + 5 / 6) / 2])
    dots = axes.lines[-2] if axes.lines[-1] is dotted else axes.lines[-1]
    np.testing.assert_allclose(dots.get_ydata(), [1, 5 / 6])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["20", "40", "60"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 0.25, 0.5, 1, 2], [0, 0.25, 0.5, 1, 2]),
        ([0.05, 0.1, 0.2, 0.5, 1], [0, 1, 2, 3, 4]),
        (["rgb", "flow"], [0, 1]),
        ([True, False], [0, 1]),
        ([3, 2, 1], [0, 1, 2]),
    ],
)
def test_values_that_are_not_evenly_spread_numbers_stand_on_an_even_axis(
    values: list[Any], expected: list[float]
) -> None:
    assert positions(values).tolist() == expected


def test_an_own_value_between_two_points_stands_between_them() -> None:
    assert place_of(30, [20, 40, 60]) == 30
    assert place_of(0.75, [0.05, 0.1, 0.2, 0.5, 1]) == 3.5
    assert place_of("rgb", ["flow", "rgb"]) == 1
    assert place_of("both", ["flow", "rgb"]) is None
    assert place_of(100, [20, 40, 60]) is None


def test_the_figure_is_reproducible_also_without_any_point(results: Results) -> None:
    experiment = experiment_of([20, 40, 60])
    assert sweeps_figure(experiment, collect(results, experiment)) == sweeps_figure(
        experiment, collect(results, experiment)
    )
    other = experiment_of([1, 2], "pace", "pace.weight")
    assert sweeps_figure(other, collect(results, other))

"""The picture of an experiment with sweeps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from i2vadapt.config.experiments import Experiment, SettingValue
from i2vadapt.report.experiments.sweeps import SweepLine, SweepPanel, shown_value
from i2vadapt.report.plotting import colour, new_figure, per_cent_axis, style, to_png

_MOST_UNEVEN, _ASIDE = 4, 0.018
_OWN, _MISSING = "#666666", "#777777"


def sweeps_figure(experiment: Experiment, panels: Sequence[SweepPanel]) -> bytes:
    """Draws a panel for each sweep, as PNG: mean and deviation over the seeds, and single seeds as dots.

    The panels share the axis of the accuracy, so that they tell which setting matters most. A dotted line marks the
    benchmark's own setting.
    """
    columns = min(len(panels), 2)
    rows = -(-len(panels) // columns)
    with style():
        figure = new_figure(4.2 * columns, 2.9 * rows + 0.7)
        grid = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
        for axes, panel in zip(grid, panels, strict=False):
            _draw_panel(axes, panel)
        for axes in grid[: len(panels) : columns]:
            axes.set_ylabel("accuracy on the target")
        for axes in grid[len(panels) :]:
            axes.set_axis_off()
        if not any(len(point.accuracies()) for panel in panels for line in panel.lines for point in line.points):
            grid[0].set_ylim(0, 1)
        figure.suptitle(experiment.title, x=0.01, ha="left", fontsize=12, fontweight="bold")
        handles, labels = grid[0].get_legend_handles_labels() if len(panels[0].lines) > 1 else ([], [])
        handles.append(Line2D([], [], color=_OWN, linestyle=":", linewidth=1.4))
        labels.append("the benchmark's own setting")
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
        return to_png(figure)


def positions(values: Sequence[SettingValue]) -> np.ndarray:
    """Places (n,) of the values of a sweep on the axis: the values, or 0, 1, … unless they are evenly spread."""
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        numbers = np.array(values, np.float64)
        gaps = np.diff(numbers)
        if gaps.min() > 0 and gaps.max() <= _MOST_UNEVEN * gaps.min():
            return numbers
    return np.arange(len(values), dtype=np.float64)


def place_of(own: SettingValue, values: Sequence[SettingValue]) -> float | None:
    """Place of a value on the axis of a sweep, between those of the sweep's values; None if it has no place there."""
    places = positions(values)
    if own in values:
        return float(places[list(values).index(own)])
    numbers = [value for value in (own, *values) if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(numbers) <= len(values) or not min(numbers[1:]) < numbers[0] < max(numbers[1:]):
        return None
    order = np.argsort(numbers[1:])
    return float(np.interp(numbers[0], np.array(numbers[1:])[order], places[order]))


def _draw_panel(axes: Axes, panel: SweepPanel) -> None:
    places = positions(panel.sweep.values)
    for number, line in enumerate(panel.lines):
        several = len(panel.lines) > 1
        _draw_line(axes, places, line, colour(number))
        place = place_of(line.own, panel.sweep.values) if line.own is not None else None
        if place is not None:
            axes.axvline(place, color=colour(number) if several else _OWN, linestyle=":", linewidth=1.4, zorder=1)
    for column, place in enumerate(places):
        states = [line.points[column].state for line in panel.lines if not len(line.points[column].accuracies())]
        if len(states) == len(panel.lines):
            look: dict[str, Any] = {"color": _MISSING, "fontsize": 8.5, "rotation": 90, "ha": "center", "va": "bottom"}
            axes.text(place, 0.03, states[0], transform=axes.get_xaxis_transform(), **look)
    margin = 0.06 * (places[-1] - places[0])
    axes.set_xlim(places[0] - margin, places[-1] + margin)
    axes.set_xticks(places, [shown_value(value) for value in panel.sweep.values])
    axes.set_title(panel.sweep.label)
    axes.set_xlabel(f"{panel.sweep.setting} of {panel.title}")
    axes.tick_params(labelleft=True)
    per_cent_axis(axes)


def _draw_line(axes: Axes, places: np.ndarray, line: SweepLine, ink: str) -> None:
    """Draws the points that are there; the line is broken where one is missing."""
    found = [point.accuracies() for point in line.points]
    means = [values.mean() if len(values) else np.nan for values in found]
    spread = [values.std() if len(values) > 1 else 0.0 for values in found]
    axes.errorbar(
        places,
        means,
        spread if any(spread) else None,
        fmt="-o",
        color=ink,
        markersize=5,
        capsize=3,
        label=line.benchmark,
    )
    aside = _ASIDE * (places[-1] - places[0])  # of the error bar, which would hide the dots
    for place, values in zip(places, found, strict=True):
        if len(values) > 1:
            axes.plot(np.full(len(values), place + aside), values, "o", color=ink, alpha=0.4, markersize=3)

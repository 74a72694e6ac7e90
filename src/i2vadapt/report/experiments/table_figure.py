"""The picture of a table: accuracies of the methods with their spread, beside those that the paper prints."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from i2vadapt.report.experiments.outcomes import Outcome
from i2vadapt.report.experiments.table import ExperimentTable
from i2vadapt.report.plotting import colour, new_figure, per_cent_axis, style, to_png

_MARGIN, _NARROWEST = 0.08, 8.3
_PANEL, _LETTER, _LONGEST_TITLE = 3.0, 0.08, 46  # inches, inches, letters
_OURS, _PAPER, _MISSING = colour(0), colour(1), "#777777"


def table_figure(table: ExperimentTable) -> bytes:
    """Draws a panel for each benchmark, as PNG: mean and deviation, single seeds as dots, the paper as diamonds."""
    titles = [row.title for row in table.rows]
    labels = _LETTER * min(max(map(len, titles)), _LONGEST_TITLE)  # inches that the titles take
    with style():
        figure = new_figure(max(labels + _PANEL * len(table.benchmarks), _NARROWEST), 0.36 * len(titles) + 1.35)
        grid = figure.subplots(1, len(table.benchmarks), sharey=True, squeeze=False)[0]
        for number, (axes, name) in enumerate(zip(grid, table.benchmarks, strict=True)):
            _draw_panel(axes, [row.outcomes[number] for row in table.rows])
            axes.set_title(name)
        grid[0].set_yticks(range(len(titles)), [_wrap(title) for title in titles])
        grid[0].set_ylim(len(titles) - 0.5, -0.5)
        handles, names = _legend(grid.tolist())
        figure.suptitle(table.experiment.title, x=0.01, ha="left", fontsize=12, fontweight="bold")
        if handles:
            figure.legend(handles, names, loc="outside lower center", ncols=len(names))
        return to_png(figure)


def _draw_panel(axes: Axes, outcomes: list[Outcome]) -> None:
    drawn: list[float] = []
    for y, part in enumerate(outcomes):
        values = part.accuracies()
        drawn += [*values, *([part.paper] if part.paper is not None else [])]
        if part.paper is not None:
            axes.plot(
                part.paper, y, "D", color="none", markeredgecolor=_PAPER, markersize=7, zorder=4, label="the paper's"
            )
        if len(values):
            spread = values.std() if len(values) > 1 else None
            axes.errorbar(
                values.mean(),
                y,
                xerr=spread,
                fmt="o",
                color=_OURS,
                markersize=7,
                capsize=4,
                elinewidth=1.6,
                label="ours",
            )
        if len(values) > 1:
            axes.plot(
                values, np.full(len(values), y + 0.24), "o", color=_OURS, alpha=0.55, markersize=3, label="single seeds"
            )
    _limit(axes, drawn)
    for y, part in enumerate(outcomes):
        there = bool(len(part.accuracies()))
        look: dict[str, Any] = {"color": "#222222" if there else _MISSING, "fontsize": 9, "va": "center"}
        axes.text(1.02, y, _shorten(part), transform=axes.get_yaxis_transform(), **look)
    axes.set_xlabel("accuracy on the target")
    axes.tick_params(axis="y", length=0)
    per_cent_axis(axes, "x")


def _shorten(part: Outcome) -> str:
    """The accuracy, with the number of seeds as '(2/3)' where some are missing; there is little room."""
    return part.text.replace(" seeds", "").replace(" of ", "/") if len(part.accuracies()) else part.state


def _limit(axes: Axes, values: list[float]) -> None:
    """Shows the range of the values, whose differences are the point of the table."""
    if not values:
        axes.set_xlim(0, 1)
        return
    margin = max(_MARGIN * (max(values) - min(values)), 0.01)
    axes.set_xlim(max(min(values) - margin, 0) - 0.002, min(max(values) + margin, 1) + 0.002)


def _wrap(title: str) -> str:
    """A title of at most two lines, broken after a comma."""
    head, _, tail = title.rpartition(", ")
    return f"{head},\n{tail}" if head and len(title) > _LONGEST_TITLE else title


def _legend(grid: list[Axes]) -> tuple[list[Artist], list[str]]:
    found: dict[str, Artist] = {}
    for axes in grid:
        handles, labels = axes.get_legend_handles_labels()
        found = dict(zip(labels, handles, strict=True)) | found
    order: list[str] = [label for label in ("ours", "single seeds", "the paper's") if label in found]
    return [found[label] for label in order], order

"""Learning curves: accuracy, losses, pace prediction and the memory bank over the epochs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes

from i2vadapt.report.plotting import colour, new_figure, per_cent_axis, style, to_png, whole_numbers
from i2vadapt.report.runs import Method, Run, distinct_runs
from i2vadapt.report.series import Line, first_method, measured, method_lines, run_lines

_TERMS = {
    "loss_video": ("video", "-"),
    "loss_local": ("local", "--"),
    "loss_pace": ("pace", ":"),
    "loss_transfer": ("transfer", "-."),
    "loss_contrast": ("contrast", "--"),
    "loss_prototypes": ("prototypes", ":"),
}
"""Column of metrics.csv -> name of the loss term and its line style."""
_MOST_MARKED_EPOCHS = 20
_LONGEST_LEGEND = 6


@dataclass(frozen=True, eq=False)
class Panel:
    """One set of axes.

    Attributes:
        title: above the panel.
        lines: without any, the panel is left out.
        is_share: whether values are shares, drawn from 0 to 100 %; otherwise from 0.
        bank_starts: epochs to mark, the first whose source videos retrieve flow from the memory bank.
    """

    title: str
    lines: list[Line]
    is_share: bool = False
    bank_starts: tuple[float, ...] = ()


def curves_figure(methods: Sequence[Method]) -> bytes:
    """Learning curves as PNG: a wide panel of the methods, then panels of the runs; single seeds are thin lines."""
    accuracy, *others = _make_panels(methods)
    others = [panel for panel in others if panel.lines]
    wide = 1 if accuracy.lines else 0
    rows = max(wide + (len(others) + 1) // 2, 1)
    epochs = [epoch for seeds in distinct_runs(methods).values() for run in seeds for epoch in run.metrics.index]
    with style():
        figure = new_figure(9, 2.7 * rows + 0.12 * len(methods) + 0.3)
        grid = figure.add_gridspec(rows, 2)
        if wide:
            axes = _draw(figure.add_subplot(grid[0, :]), accuracy)
            figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=3)
        for number, panel in enumerate(others):
            axes = _draw(figure.add_subplot(grid[wide + number // 2, number % 2]), panel)
            if (
                len(panel.lines) <= _LONGEST_LEGEND
            ):  # a longer one would cover the lines; runs have the methods' colours
                axes.legend(fontsize=8.5, frameon=True, framealpha=0.8, edgecolor="none")
        for axes in figure.axes:
            axes.set_xlim(min(epochs) - 0.5, max(epochs) + 0.5)
            whole_numbers(axes)
        return to_png(figure)


def _make_panels(methods: Sequence[Method]) -> list[Panel]:
    """All panels, that of the methods first; those without lines have nothing to show."""
    runs = distinct_runs(methods)
    found = {bank_start(run) for seeds in runs.values() for run in seeds}
    starts = tuple(sorted(start for start in found if start is not None))
    panels = [Panel("Target accuracy of the methods", method_lines(methods), True, starts)]
    # Where no method fuses two runs, the accuracies of the runs are those of the methods.
    if any(len(method.evaluations[0].runs) > 1 for method in methods):
        panels += [
            Panel("Target accuracy, RGB runs", run_lines(methods, "accuracy", "rgb"), True),
            Panel("Target accuracy, flow runs", run_lines(methods, "accuracy", "flow"), True, starts),
        ]
    terms = {name: _term_lines(seeds, first_method(methods, name)) for name, seeds in runs.items()}
    fused = [[run.name for run in method.evaluations[0].runs] for method in reversed(methods)]
    detailed = max(fused, key=lambda names: sum(len(terms[name]) for name in names))
    return [
        *panels,
        Panel("Loss, RGB runs", run_lines(methods, "loss", "rgb")),
        Panel("Loss, flow runs", run_lines(methods, "loss", "flow")),
        *(Panel(f"Loss terms of {name}", terms[name]) for name in detailed),
        Panel("Pace accuracy while training", run_lines(methods, "pace_accuracy"), True),
        Panel("Bank: share of correct pseudo-labels", run_lines(methods, "bank_purity"), True),
        Panel("Bank: flows held", run_lines(methods, "bank_flows")),
        Panel("Bank: flows held of the smallest class", run_lines(methods, "bank_smallest_class")),
    ]


def _term_lines(runs: Sequence[Run], number: int) -> list[Line]:
    """Terms of a run's loss; none if there is but one, which the panel of the whole loss shows already."""
    lines = []
    for column, (label, dash) in _TERMS.items():
        seeds = [curve for run in runs if len(curve := measured(run, column))]
        if seeds:
            lines.append(Line(label, colour(number), dash, seeds))
    return lines if len(lines) > 1 else []


def bank_start(run: Run) -> float | None:
    """First epoch whose source videos retrieve flow from the memory bank; None if there is none."""
    used = measured(run, "bank_used")
    used = used[used > 0]
    return float(used.index[0]) if len(used) else None


def _draw(axes: Axes, panel: Panel) -> Axes:
    for line in panel.lines:
        look: dict[str, Any] = {"linestyle": line.dash, "color": line.colour}
        if len(line.seeds) > 1:
            for curve in line.seeds:
                axes.plot(curve.index, curve, linewidth=0.7, alpha=0.35, **look)
        mean = line.mean
        marker = "o" if len(mean) <= _MOST_MARKED_EPOCHS else ""
        axes.plot(mean.index, mean, marker=marker, markersize=3, linewidth=1.8, label=line.label, **look)
    for start in panel.bank_starts:
        axes.axvline(start - 0.5, color="#666666", linestyle=":", linewidth=1.2)
    if panel.is_share:
        per_cent_axis(axes)
        axes.set_ylim(0, 1)
    else:
        axes.set_ylim(bottom=min(0, *(1.05 * line.mean.min() for line in panel.lines)))  # FBNM is negative
    axes.set_title(panel.title)
    axes.set_xlabel("epoch")
    return axes

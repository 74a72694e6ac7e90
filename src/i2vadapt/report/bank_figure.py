"""What the memory bank of a run held: flows of each class by epoch, and how many of them were right."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.gridspec import GridSpec

from i2vadapt.report.curves import bank_start
from i2vadapt.report.plotting import colour, new_figure, per_cent_axis, style, to_png, whole_numbers
from i2vadapt.report.runs import Run
from i2vadapt.report.series import measured

_LINES = {"bank_purity": "right flows in the bank", "pseudo_label_accuracy": "right classes of all videos"}
_MOST_NUMBERED_CLASSES, _MOST_NUMBERED_EPOCHS = 30, 16
_MOST_TICKS = 12


def bank_figure(run: Run, classes: Sequence[str]) -> bytes | None:
    """Draws how full the bank of a run was for each class by epoch, as PNG.

    With target labels, also the share of right flows: of the bank as a line, of each class as a second table of cells,
    unless the run was trained before that was recorded.

    Args:
        run: the run, of one seed.
        classes: names in the order of the labels.

    Returns:
        The figure; None if the run has no bank.
    """
    fill = _by_class(run, "bank_fill", classes)
    if fill is None:
        return None
    purity = _by_class(run, "bank_purity", classes)
    lines = {label: curve for name, label in _LINES.items() if len(curve := measured(run, name))}
    bank = (run.settings.get("train") or {}).get("bank") or {}
    capacity = int(bank.get("capacity", max(np.nanmax(fill), 1)))
    cells = 0.24 if len(classes) <= _MOST_NUMBERED_CLASSES else 0.13
    heights = [*([1.9] if lines else []), cells * len(classes) + 0.8]
    with style():
        figure = new_figure(9, sum(heights) + 0.4)
        grid = GridSpec(len(heights), 1 if purity is None else 2, figure, height_ratios=heights)
        if lines:
            _draw_lines(figure.add_subplot(grid[0, :]), run, lines, 1 / len(classes))
        axes = figure.add_subplot(grid[-1, 0])
        _draw_cells(axes, fill, capacity, "Blues", f"Flows held of each class, at most {capacity}")
        axes.set_yticks(range(len(classes)), classes, fontsize=9 if cells > 0.2 else 5)
        if purity is not None:
            axes = figure.add_subplot(grid[-1, 1])
            _draw_cells(axes, 100 * purity.reindex(fill.index), 100, "Greens", "Right ones of each class, per cent")
            axes.set_yticks([])
        figure.suptitle(f"{run.name}, seed {run.seed}", x=0.01, ha="left", fontsize=12, fontweight="bold")
        return to_png(figure)


def _by_class(run: Run, name: str, classes: Sequence[str]) -> pd.DataFrame | None:
    """A value of each class at the epochs after which the bank was refilled (epochs, classes); None without any."""
    found = run.metrics.reindex(columns=[f"{name}_{label}" for label in classes]).dropna(how="all")
    return found if len(found) else None


def _draw_lines(axes: Axes, run: Run, lines: dict[str, pd.Series], chance: float) -> None:
    for number, (label, curve) in enumerate(lines.items()):
        axes.plot(curve.index, curve, marker="o", markersize=3, linewidth=1.8, color=colour(number), label=label)
    axes.axhline(chance, color="#666666", linestyle="--", linewidth=1, label="chance")
    start = bank_start(run)
    if start is not None:
        axes.axvline(start - 0.5, color="#666666", linestyle=":", linewidth=1.2, label="flow is used from here on")
    axes.set(ylim=(0, 1), xlabel="epoch")
    axes.set_xlim(run.metrics.index.min() - 0.5, run.metrics.index.max() + 0.5)
    whole_numbers(axes)
    per_cent_axis(axes)
    axes.legend(fontsize=8.5, loc="lower left", bbox_to_anchor=(0, 1), ncols=4, borderpad=0)


def _draw_cells(axes: Axes, values: pd.DataFrame, most: float, colours: str, title: str) -> None:
    """Draws (epochs, classes) as cells: a row a class, a column an epoch, grey where nothing was measured."""
    axes.imshow(
        values.to_numpy().T, mpl.colormaps[colours].with_extremes(bad="#e4e4e4"), aspect="auto", vmin=0, vmax=most
    )
    axes.grid(False)
    epochs, classes = values.shape
    step = -(-epochs // _MOST_TICKS)
    axes.set_xticks(range(0, epochs, step), [f"{epoch:.0f}" for epoch in values.index[::step]], fontsize=9)
    axes.set_xlabel("after epoch")
    axes.set_title(title, fontsize=10)
    if epochs <= _MOST_NUMBERED_EPOCHS and classes <= _MOST_NUMBERED_CLASSES:
        for (epoch, label), value in np.ndenumerate(values.to_numpy()):
            if not np.isnan(value):
                ink = "white" if value > 0.6 * most else "#222222"
                axes.text(epoch, label, f"{value:.0f}", ha="center", va="center", color=ink, fontsize=8)

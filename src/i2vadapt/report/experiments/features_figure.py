"""The picture of an experiment with features."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from i2vadapt.report.experiments.features import Projection
from i2vadapt.report.plotting import COLOURS, new_figure, style, to_png

_MOST_NAMED_CLASSES = 26
_MARKS = {"source": "o", "target": "+"}
_UNLABELLED = "#999999"


def features_figure(projections: Sequence[Projection], columns: int, title: str = "") -> bytes:
    """Draws projections row by row, as PNG.

    The colour is the true class, grey without a label; source items are dots, target items crosses.

    Args:
        projections: what is drawn.
        columns: panels in a row, such as methods; rows are benchmarks.
        title: of the whole figure.
    """
    rows = -(-len(projections) // columns)
    with style():
        figure = new_figure(max(4.3 * columns, 5.5), 4.3 * rows + 0.9)
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, part in zip(grid, projections, strict=False):
            _draw(axes, part)
        for axes in grid[len(projections) :]:
            axes.set_axis_off()
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold")
        _add_legend(figure, projections)
        return to_png(figure)


def class_colours(count: int) -> list[str]:
    """Colours of the classes: those of all figures if they suffice, else as many as are needed."""
    if count <= len(COLOURS):
        return list(COLOURS[:count])
    if count <= 20:
        strong_first = (*range(0, 20, 2), *range(1, 20, 2))
        return [mpl.colors.to_hex(mpl.colormaps["tab20"](number)) for number in strong_first[:count]]
    return [mpl.colors.to_hex(mpl.colormaps["gist_rainbow"](share)) for share in np.linspace(0, 1, count)]


def _draw(axes: Axes, part: Projection) -> None:
    inks = np.array([*class_colours(len(part.benchmark.classes)), _UNLABELLED])  # label -1 is the last
    drawn, size = part.features, float(np.clip(9000 / len(part.features.ids), 8, 36))
    for domain, mark in _MARKS.items():
        chosen = drawn.is_target == (domain == "target")
        x, y = part.places[chosen].T
        ink = inks[drawn.labels[chosen]]
        if mark == "o":
            axes.scatter(x, y, size * 0.7, c=ink, marker=mark, alpha=0.55, linewidths=0)
        else:
            axes.scatter(x, y, size * 1.5, c=ink, marker=mark, linewidths=1.1)
    axes.set_title(f"{part.benchmark.name}: {part.title}")
    axes.set_xlabel(part.note, fontsize=8)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(False)


def _add_legend(figure: Figure, projections: Sequence[Projection]) -> None:
    look = {"linestyle": "none", "color": "#444444"}
    handles = [Line2D([], [], marker=mark, label=domain, **look) for domain, mark in _MARKS.items()]  # type: ignore[arg-type]
    benchmarks = {part.benchmark.name: list(part.benchmark.classes) for part in projections}
    classes = next(iter(benchmarks.values()))
    if all(names == classes for names in benchmarks.values()) and len(classes) <= _MOST_NAMED_CLASSES:
        for name, ink in zip(classes, class_colours(len(classes)), strict=True):
            handles.append(Line2D([], [], marker="s", linestyle="none", color=ink, label=name))
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 8), fontsize=9)

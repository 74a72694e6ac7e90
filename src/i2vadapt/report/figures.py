"""Figures of results: confusion matrices and accuracies of the methods."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from sklearn.metrics import confusion_matrix

from i2vadapt.data.items import UNLABELLED
from i2vadapt.report.accuracy import accuracy_by_seed, in_percent, is_labelled
from i2vadapt.report.plotting import COLOURS, colour, new_figure, per_cent_axis, style, to_png, whole_numbers
from i2vadapt.report.runs import FUSED, Method

_MOST_NUMBERED_CLASSES = 20
_BARS = {"rgb": "RGB", "flow": "flow", FUSED: "fused"}


def confusion_figure(methods: Sequence[Method], classes: Sequence[str]) -> bytes:
    """Confusion matrices of the methods' first seeds side by side, as PNG.

    Without target labels, how many videos were assigned to each class.
    """
    columns = min(len(methods), 2)
    rows = -(-len(methods) // columns)
    labelled = is_labelled(methods)
    draw = _confusion if labelled else _predicted_counts
    side = min(max(4.2, 0.55 * len(classes) + 1.6), 16)
    height = side if labelled else max(2.2, 0.3 * len(classes) + 1)
    with style():
        figure = new_figure(side * columns, height * rows)
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, method in zip(grid, methods, strict=False):
            draw(axes, method, classes)
        for axes in grid[len(methods) :]:
            axes.set_axis_off()
        return to_png(figure)


def _confusion(axes: Axes, method: Method, classes: Sequence[str]) -> None:
    evaluation = method.evaluations[0]
    truth, final = evaluation.predictions.truth, evaluation.predictions.final
    known = truth != UNLABELLED
    counts = confusion_matrix(truth[known], final[known], labels=range(len(classes)))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    size = 10 if len(classes) <= _MOST_NUMBERED_CLASSES else max(4.0, 10 - 0.08 * len(classes))
    axes.set_xticks(range(len(classes)), classes, rotation=45, ha="right", rotation_mode="anchor", fontsize=size)
    axes.set_yticks(range(len(classes)), classes, fontsize=size)
    axes.set(xlabel="predicted", ylabel="true")
    axes.grid(False)
    if len(classes) <= _MOST_NUMBERED_CLASSES:
        for (true, predicted), count in np.ndenumerate(counts):
            if count:
                ink = "white" if shares[true, predicted] > 0.55 else "#222222"
                axes.text(predicted, true, str(count), ha="center", va="center", color=ink)
    accuracy = np.trace(counts) / max(counts.sum(), 1)
    axes.set_title(f"{method.title}, seed {evaluation.seed}: {100 * accuracy:.1f} %")


def _predicted_counts(axes: Axes, method: Method, classes: Sequence[str]) -> None:
    evaluation = method.evaluations[0]
    counts = np.bincount(evaluation.predictions.final, minlength=len(classes))
    axes.barh(range(len(classes)), counts, color=COLOURS[0])
    axes.set_yticks(range(len(classes)), classes)
    axes.invert_yaxis()
    axes.set(xlabel="videos assigned (no target labels)")
    whole_numbers(axes)
    axes.set_title(f"{method.title}, seed {evaluation.seed}")


def accuracy_figure(methods: Sequence[Method], classes: Sequence[str]) -> bytes:
    """Bars of the methods' accuracies per stream with their seeds as dots, as PNG.

    Without target labels, how many videos were assigned to each class.
    """
    if not is_labelled(methods):
        return confusion_figure(methods, classes)
    by_seed = accuracy_by_seed(methods)
    with style():
        bars = [len(method.evaluations[0].predictions.by_stream) for method in methods]
        figure = new_figure(6.8, 0.24 * sum(bars) + 0.2 * len(methods) + 1.1)
        axes = figure.subplots()
        ticks: list[float] = []
        for method, count, end in zip(methods, bars, np.cumsum(bars), strict=True):
            first = float(end - count + len(ticks))  # a bar's height between methods
            _draw_bars(axes, first, by_seed.loc[[method.name]], list(method.evaluations[0].predictions.by_stream))
            ticks.append(first + (count - 1) / 2)
        axes.set_yticks(ticks, [method.title for method in methods])
        axes.invert_yaxis()
        axes.axvline(1 / len(classes), color="#666666", linestyle=":", linewidth=1.2)
        axes.set(
            xlim=(0, 1.27 if len(methods[0].evaluations) > 1 else 1.12),
            xlabel=f"accuracy on the target (dotted: chance, {len(classes)} classes)",
        )
        axes.set_xticks(np.arange(0, 1.01, 0.2))
        axes.grid(axis="y", visible=False)
        per_cent_axis(axes, "x")
        handles, labels = axes.get_legend_handles_labels()
        unique = dict(zip(labels, handles, strict=True))
        order = [label for label in _BARS.values() if label in unique]
        figure.legend([unique[label] for label in order], order, loc="outside upper right", ncols=len(order))
        return to_png(figure)


def _draw_bars(axes: Axes, first: float, by_seed: pd.DataFrame, streams: Sequence[str]) -> None:
    """Draws the bars of one method from a place on; `by_seed` has a row a seed."""
    for place, stream in enumerate(streams):
        y = first + place
        values = by_seed[f"accuracy_{stream}"]
        axes.barh(y, values.mean(), 0.92, color=colour(list(_BARS).index(stream)), label=_BARS[stream])
        if len(values) > 1:
            axes.plot(values, [y] * len(values), "o", color="white", markeredgecolor="#222222", markersize=4)
        end = values.max() + (0.03 if len(values) > 1 else 0.015)
        axes.text(end, y, in_percent(values.mean(), values.std()), va="center", fontsize=9)

"""Figures of results: confusion matrices and accuracies of the methods."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from sklearn.metrics import confusion_matrix

from i2vadapt.data.items import UNLABELLED
from i2vadapt.report.plotting import COLOURS, colour, new_figure, per_cent_axis, style, to_png, whole_numbers
from i2vadapt.report.runs import FUSED, STREAMS, Method
from i2vadapt.report.tables import is_labelled, method_scores, run_scores

_MOST_NUMBERED_CLASSES = 20


def confusion_figure(methods: Sequence[Method], classes: Sequence[str]) -> bytes:
    """Confusion matrices of the methods' first seeds beside each other, as PNG.

    Without target labels, how many videos went to each class.
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
    run = method.runs[0]
    known = run.predictions.truth != UNLABELLED
    counts = confusion_matrix(run.predictions.truth[known], run.predictions.final[known], labels=range(len(classes)))
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
    axes.set_title(f"{method.title}, seed {run.seed}: {100 * accuracy:.1f} %")


def _predicted_counts(axes: Axes, method: Method, classes: Sequence[str]) -> None:
    run = method.runs[0]
    axes.barh(range(len(classes)), np.bincount(run.predictions.final, minlength=len(classes)), color=COLOURS[0])
    axes.set_yticks(range(len(classes)), classes)
    axes.invert_yaxis()
    axes.set(xlabel="videos predicted (no target labels)")
    whole_numbers(axes)
    axes.set_title(f"{method.title}, seed {run.seed}")


def accuracy_figure(methods: Sequence[Method], classes: Sequence[str]) -> bytes:
    """Bars of the methods' accuracies per stream with their seeds as dots, as PNG.

    Without target labels, how many videos went to each class.
    """
    if not is_labelled(methods):
        return confusion_figure(methods, classes)
    with style():
        figure = new_figure(6.4, 0.95 * len(methods) + 1.3)
        axes = figure.subplots()
        for number, method in enumerate(methods):
            _bars(axes, number, method)
        axes.set_yticks(range(len(methods)), [method.title for method in methods])
        axes.invert_yaxis()
        axes.axvline(1 / len(classes), color="#666666", linestyle=":", linewidth=1.2)
        axes.set(
            xlim=(0, 1.25 if len(methods[0].runs) > 1 else 1.1),
            xlabel=f"accuracy on the target (dotted: chance, {len(classes)} classes)",
        )
        axes.set_xticks(np.arange(0, 1.01, 0.2))
        axes.grid(axis="y", visible=False)
        per_cent_axis(axes, "x")
        handles, labels = axes.get_legend_handles_labels()
        unique = dict(zip(labels, handles, strict=True))
        figure.legend(unique.values(), unique.keys(), loc="outside upper right", ncols=len(unique))
        return to_png(figure)


def _bars(axes: Axes, number: int, method: Method) -> None:
    scores = method_scores(method)
    streams = [stream for stream in (*STREAMS, FUSED) if f"accuracy_{stream}" in scores]
    height = 0.8 / 3
    for place, stream in enumerate(streams):
        y = number + (place - (len(streams) - 1) / 2) * height
        spread = scores[f"accuracy_{stream}"]
        shade = colour((*STREAMS, FUSED).index(stream))
        label = {"rgb": "RGB", "flow": "flow", FUSED: "fused"}[stream]
        axes.barh(y, spread.mean, height * 0.92, color=shade, label=label)
        values = [run_scores(run.predictions)[f"accuracy_{stream}"] for run in method.runs]
        if len(values) > 1:
            axes.plot(values, [y] * len(values), "o", color="white", markeredgecolor="#222222", markersize=4)
        axes.text(max([*values, spread.mean]) + 0.015, y, spread.in_percent(), va="center", fontsize=9)

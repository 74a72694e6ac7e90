"""Accuracy of each class by two methods: where the second gains over the first, and where it loses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from i2vadapt.report.accuracy import is_labelled
from i2vadapt.report.plotting import colour, new_figure, per_cent_axis, style, to_png
from i2vadapt.report.runs import Method

_COMPARED = ("so_rgb_flow", "cfb")
_GAIN, _LOSS = colour(2), colour(1)


def class_figure(methods: Sequence[Method], classes: Sequence[str]) -> bytes:
    """Draws a line for each class from the first method to the second, as PNG; sorted by the difference.

    Accuracies are means over the seeds. Without target labels, they are the shares of the videos that are assigned to a
    class.

    Args:
        methods: rows of the tables, see `compared_methods`; if there is but one, it is drawn alone.
        classes: names in the order of the labels.
    """
    pair = compared_methods(methods)
    shares = np.stack([class_shares(method, len(classes)) for method in pair])
    shown = np.flatnonzero(~np.isnan(shares).any(axis=0))
    gains = shares[-1, shown] - shares[0, shown]
    order = shown[np.lexsort((shares[0, shown], gains))[::-1]]
    with style():
        figure = new_figure(8.3, 0.3 * max(len(order), 2) + 1.3)
        axes = figure.subplots()
        for y, label in enumerate(order):
            _draw_class(axes, y, shares[:, label])
        for number, method in enumerate(pair):
            face = "white" if number < len(pair) - 1 else "#333333"
            look: dict[str, Any] = {
                "color": "#333333",
                "markerfacecolor": face,
                "markersize": 7,
                "linestyle": "none",
                "zorder": 3,
            }
            axes.plot(shares[number, order], range(len(order)), marker="o", label=method.title, **look)
        axes.set_yticks(range(len(order)), [classes[label] for label in order])
        axes.set_ylim(len(order) - 0.5, -0.5)
        axes.set_xlim(-0.02, 1.12 if len(pair) > 1 else 1.02)
        axes.set_xticks(np.arange(0, 1.01, 0.2))
        axes.set_xlabel(
            "accuracy of the class, mean over the seeds" if is_labelled(pair) else "share of videos (no target labels)"
        )
        per_cent_axis(axes, "x")
        figure.legend(loc="outside upper right", ncols=2)
        return to_png(figure)


def compared_methods(methods: Sequence[Method]) -> list[Method]:
    """The methods without and with the memory bank where both are there, else the first and the last."""
    known = {method.name: method for method in methods}
    if all(name in known for name in _COMPARED):
        return [known[name] for name in _COMPARED]
    return [methods[0], methods[-1]] if len(methods) > 1 else [methods[0]]


def class_shares(method: Method, count: int) -> np.ndarray:
    """Accuracy of each class (count,) as a mean over the seeds, NaN for a class without labelled videos.

    Without labels, the shares of videos that are assigned to each class.
    """
    found = []
    for part in (evaluation.predictions for evaluation in method.evaluations):
        if not method.is_labelled:
            found.append(np.bincount(part.final, minlength=count) / len(part.final))
            continue
        right = [(part.final == label)[part.truth == label] for label in range(count)]
        found.append(np.array([hits.mean() if len(hits) else np.nan for hits in right]))
    return np.asarray(np.mean(found, axis=0))


def _draw_class(axes: Axes, y: int, shares: np.ndarray) -> None:
    gain = 100 * (shares[-1] - shares[0])
    if len(shares) < 2:
        return
    ink = _GAIN if gain > 0 else _LOSS
    axes.plot(shares, [y, y], "-", color=ink, linewidth=3, solid_capstyle="butt", zorder=2)
    sign = {1: "+", -1: "−", 0: ""}[int(np.sign(round(gain, 1)))]
    axes.text(
        1.04,
        y,
        f"{sign}{abs(gain):.1f}",
        color=ink if sign else "#666666",
        va="center",
        fontsize=9,
        backgroundcolor="white",
    )

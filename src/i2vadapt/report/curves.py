"""Learning curves: accuracy, losses, pace prediction and the memory bank over the epochs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes

from i2vadapt.report.plotting import colour, new_figure, per_cent_axis, style, to_png, whole_numbers
from i2vadapt.report.runs import FUSED, Method, Metrics, Run

_LOSS_NAMES = {
    "loss_video_rgb": "video, RGB",
    "loss_video_flow": "video, flow",
    "loss_local_rgb": "local, RGB",
    "loss_local_flow": "local, flow",
    "loss_pace_rgb": "pace, RGB",
    "loss_pace_flow": "pace, flow",
    "loss_transfer_rgb": "transfer, RGB",
    "loss_transfer_flow": "transfer, flow",
}
Pick = Callable[[Run], np.ndarray | None]


def curves_figure(methods: Sequence[Method]) -> bytes:
    """Learning curves of all methods as PNG: mean over seeds, single seeds thin.

    Panels without any number (no target labels, no pace prediction, no bank) are left out.
    """
    panels: list[tuple[Callable[[Axes, Sequence[Method]], None], bool]] = [
        (_final_accuracy, _any(methods, _final)),
        (_stream_accuracy("flow"), _any(methods, _column("accuracy_flow"))),
        (_stream_accuracy("rgb"), _any(methods, _column("accuracy_rgb"))),
        (_total_loss, _any(methods, _column("loss"))),
        (_loss_terms, any(_any(methods[-1:], _column(name)) for name in _LOSS_NAMES)),
        (_pace, _any(methods, _column("pace_accuracy"))),
        (_bank_purity, _any(methods, _column("bank_purity"))),
        (_bank_fill, _any(methods, _column("bank_flows"))),
    ]
    wanted = [draw for draw, has_numbers in panels if has_numbers]
    rows = max((len(wanted) + 1) // 2, 1)
    with style():
        figure = new_figure(9, 2.7 * rows + 0.3 * len(methods) / 2 + 0.3)
        grid = figure.subplots(rows, 2, squeeze=False).ravel()
        for axes, draw in zip(grid, wanted, strict=False):
            draw(axes, methods)
            axes.set_xlabel("epoch")
            whole_numbers(axes)
        for axes in grid[len(wanted) :]:
            axes.set_axis_off()
        handles = [
            grid[0].plot([], [], color=colour(number), linewidth=2, label=method.title)[0]
            for number, method in enumerate(methods)
        ]
        figure.legend(handles=handles, loc="outside upper left", ncols=2)
        return to_png(figure)


def _column(name: str) -> Pick:
    return lambda run: run.metrics.get(name)


def _final(run: Run) -> np.ndarray | None:
    names = (f"accuracy_{name}" for name in (FUSED, "rgb", "flow"))
    return next((run.metrics[name] for name in names if name in run.metrics), None)


def _any(methods: Sequence[Method], pick: Pick) -> bool:
    found = [pick(run) for method in methods for run in method.runs]
    return any(values is not None and np.isfinite(values).any() for values in found)


def _draw(axes: Axes, methods: Sequence[Method], pick: Pick, line: str = "-") -> None:
    for number, method in enumerate(methods):
        curves = [(run.metrics["epoch"], values) for run in method.runs if (values := pick(run)) is not None]
        if not curves:
            continue
        if len(curves) > 1:
            for epochs, values in curves:
                known = np.isfinite(values)
                axes.plot(epochs[known], values[known], line, color=colour(number), linewidth=0.7, alpha=0.35)
        epochs, means = _mean_curve(curves)
        marker = "o" if len(epochs) <= 20 else ""
        axes.plot(epochs, means, line, marker=marker, markersize=3, color=colour(number), linewidth=1.8)


def _mean_curve(curves: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Mean over the runs at the epochs that all of them measured."""
    measured = [
        dict(zip(epochs[np.isfinite(values)], values[np.isfinite(values)], strict=True)) for epochs, values in curves
    ]
    shared = sorted(set.intersection(*(set(run) for run in measured)))
    return np.array(shared), np.array([np.mean([run[epoch] for run in measured]) for epoch in shared])


def _mark_bank(axes: Axes, methods: Sequence[Method]) -> None:
    """Marks the first epoch in which the bank's flow is trained on."""
    starts = {
        float(start) for method in methods for run in method.runs if (start := _bank_start(run.metrics)) is not None
    }
    for start in sorted(starts):
        axes.axvline(start - 0.5, color="#666666", linestyle=":", linewidth=1.2)


def _bank_start(metrics: Metrics) -> float | None:
    used = metrics.get("bank_used")
    return float(metrics["epoch"][used > 0][0]) if used is not None and (used > 0).any() else None


def _final_accuracy(axes: Axes, methods: Sequence[Method]) -> None:
    _draw(axes, methods, _final)
    _mark_bank(axes, methods)
    per_cent_axis(axes)
    axes.set_ylim(0, 1)
    axes.set_title("Target accuracy (dotted: bank in use)")


def _stream_accuracy(stream: str) -> Callable[[Axes, Sequence[Method]], None]:
    def draw(axes: Axes, methods: Sequence[Method]) -> None:
        _draw(axes, methods, _column(f"accuracy_{stream}"))
        _mark_bank(axes, methods)
        per_cent_axis(axes)
        axes.set_ylim(0, 1)
        axes.set_title(f"Target accuracy, {'RGB' if stream == 'rgb' else stream} stream")

    return draw


def _total_loss(axes: Axes, methods: Sequence[Method]) -> None:
    _draw(axes, methods, _column("loss"))
    axes.set_ylim(bottom=0)
    axes.set_title("Loss, all terms")


def _loss_terms(axes: Axes, methods: Sequence[Method]) -> None:
    method = methods[-1]
    metrics = method.runs[0].metrics
    terms = [name for name in _LOSS_NAMES if name in metrics]
    for name, line in zip(terms, ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1))), strict=False):
        axes.plot(
            metrics["epoch"], metrics[name], linestyle=line, color=colour(len(methods) - 1), label=_LOSS_NAMES[name]
        )
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=8.5)
    axes.set_title(f"Loss terms of {method.title}")


def _pace(axes: Axes, methods: Sequence[Method]) -> None:
    _draw(axes, methods, _column("pace_accuracy"))
    per_cent_axis(axes)
    axes.set_ylim(0, 1)
    axes.set_title("Pace accuracy while training")


def _bank_purity(axes: Axes, methods: Sequence[Method]) -> None:
    _draw(axes, methods, _column("bank_purity"))
    per_cent_axis(axes)
    axes.set_ylim(0, 1)
    axes.set_title("Bank: share of right pseudo-labels")


def _bank_fill(axes: Axes, methods: Sequence[Method]) -> None:
    _draw(axes, methods, _column("bank_flows"))
    _draw(axes, methods, _column("bank_smallest_class"), "--")
    axes.set_ylim(bottom=0)
    axes.set_title("Bank: flows held (dashed: smallest class)")

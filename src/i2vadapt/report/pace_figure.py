"""Which pace training clips were taken for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from i2vadapt.errors import UserError
from i2vadapt.files.tables import read_table
from i2vadapt.report.plotting import new_figure, style, to_png
from i2vadapt.report.runs import Run

_EPOCHS = 5  # the last ones, together: one epoch of a small target has few clips of each pace
_COLUMNS = 3


def pace_figure(runs: Sequence[Run]) -> bytes | None:
    """Draws for each run the clips of its last epochs by true and predicted pace, as PNG; a row adds up to 100 %.

    Args:
        runs: runs, each of one seed; those without pace.csv are left out.

    Returns:
        The figure; None if no run has counted its clips.

    Raises:
        UserError: if a table is malformed.
    """
    counted = {run: read_pace_counts(run.folder.pace_counts) for run in runs if run.folder.pace_counts.is_file()}
    if not counted:
        return None
    columns = min(len(counted), _COLUMNS)
    rows = -(-len(counted) // columns)
    with style():
        figure = new_figure(3.6 * columns + 0.3, 3.7 * rows)
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, (run, epochs) in zip(grid, counted.items(), strict=False):
            _draw(axes, run, epochs)
        for axes in grid[len(counted) :]:
            axes.set_axis_off()
        return to_png(figure)


def read_pace_counts(path: Path) -> dict[int, np.ndarray]:
    """Reads pace.csv.

    Returns:
        For each epoch the numbers of clips (paces,paces), int64: rows are true paces, columns are predicted ones.

    Raises:
        UserError: if it is missing, has no rows, or a cell is not a whole number in its range.
    """
    rows = read_table(path, ("epoch", "pace", "predicted", "clips"))
    if not rows:
        raise UserError(f"{path}: has no clips: train the run again")
    try:
        cells = np.array([[int(row[name]) for name in ("epoch", "pace", "predicted", "clips")] for row in rows])
        paces = int(cells[:, 1].max())
        counts = {int(epoch): np.zeros((paces, paces), np.int64) for epoch in np.unique(cells[:, 0])}
        if cells[:, 1:].min() < 0 or cells[:, 1:3].min() < 1:
            raise ValueError("a number is too small")
        for epoch, pace, predicted, clips in cells.tolist():
            counts[epoch][pace - 1, predicted - 1] += clips
    except (ValueError, IndexError) as error:
        raise UserError(f"{path}: every cell must be a whole number ({error}): train the run again") from None
    return counts


def _draw(axes: Axes, run: Run, epochs: dict[int, np.ndarray]) -> None:
    last = sorted(epochs)[-_EPOCHS:]
    counts = np.sum([epochs[epoch] for epoch in last], axis=0)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    paces = [str(pace) for pace in range(1, len(counts) + 1)]
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.grid(False)
    axes.set_xticks(range(len(counts)), paces)
    axes.set_yticks(range(len(counts)), paces)
    axes.set(xlabel=f"predicted pace (chance: {100 / len(counts):.0f} %)", ylabel="true pace")
    for (pace, predicted), share in np.ndenumerate(shares):
        ink = "white" if share > 0.55 else "#222222"
        axes.text(predicted, pace, f"{100 * share:.0f}", ha="center", va="center", color=ink, fontsize=9)
    right = np.trace(counts) / max(counts.sum(), 1)
    span = f"epoch {last[0]}" if len(last) == 1 else f"epochs {last[0]} to {last[-1]}"
    axes.set_title(f"{run.name}, seed {run.seed}\n{span}: {100 * right:.0f} % right", fontsize=10)

"""The values recorded every epoch: metrics.csv and TensorBoard events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from torch.utils.tensorboard import SummaryWriter

from i2vadapt.files.tables import write_table
from i2vadapt.recipes.base import Row


class Means:
    """Weighted running means of named values."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = defaultdict(float)
        self._weights: dict[str, float] = defaultdict(float)

    def add(self, name: str, value: float, weight: float = 1.0) -> None:
        """Adds a value to the mean of a name.

        Args:
            name: name of the mean.
            value: value to add.
            weight: weight of the value, at least 0.
        """
        self._sums[name] += value * weight
        self._weights[name] += weight

    def include(self, other: dict[str, tuple[float, float]]) -> None:
        """Adds the `state` of other means, e.g. those of another process."""
        for name, (total, weight) in other.items():
            self._sums[name] += total
            self._weights[name] += weight

    def state(self) -> dict[str, tuple[float, float]]:
        """Weighted sum and weight of each name."""
        return {name: (total, self._weights[name]) for name, total in self._sums.items()}

    def result(self) -> Row:
        """Mean of each name."""
        return {name: total / self._weights[name] for name, total in self._sums.items()}


def write_metrics(path: Path, rows: Iterable[Row]) -> None:
    """Writes the whole of metrics.csv.

    Args:
        path: file to write.
        rows: values of each epoch; values that were not measured give empty cells.
    """
    rows = list(rows)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    write_table(path, columns, ({name: _cell(row.get(name)) for name in columns} for row in rows))


def _cell(value: float | None) -> str:
    if value is None or np.isnan(value):
        return ""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e9 else f"{value:.6g}"


def write_events(folder: Path, rows: Iterable[Row]) -> None:
    """Appends rows to the TensorBoard events of a run.

    Args:
        folder: folder of the events.
        rows: values of each epoch; epochs that were already logged are replaced.
    """
    rows = list(rows)
    first = int(rows[0]["epoch"]) if rows else 0
    with SummaryWriter(str(folder), purge_step=first) as writer:
        for row in rows:
            for name, value in row.items():
                if name != "epoch" and not np.isnan(value):
                    writer.add_scalar(name.replace("_", "/", 1), value, int(row["epoch"]))


def format_summary(row: Row) -> str:
    """Formats the most important values of a row, for the log."""
    shown = (
        "loss",
        "accuracy",
        "pace_accuracy",
        "bank_purity",
        "clips_per_second",
    )
    return ", ".join(f"{name.replace('_', ' ')} {row[name]:.3g}" for name in shown if name in row)

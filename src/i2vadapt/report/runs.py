"""What the runs of a benchmark left on disk: predictions, metrics of every epoch, settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from i2vadapt.config.parsing import read_yaml
from i2vadapt.data.items import UNLABELLED
from i2vadapt.errors import UserError
from i2vadapt.files.tables import read_table
from i2vadapt.report.text import title

FUSED = "fused"
STREAMS = ("rgb", "flow")
METRICS = "metrics.csv"
PREDICTIONS = "predictions.csv"
SETTINGS = "settings.yaml"

Metrics = dict[str, np.ndarray]
"""Column of metrics.csv -> (epochs,) float64, NaN where it was not measured."""


@dataclass(frozen=True)
class Predictions:
    """Predictions of one run for n videos.

    Attributes:
        truth: (n,) classes, -1 without a label.
        by_stream: (n,) classes predicted by each stream, and by the sum of their scores under "fused" if there are two.
    """

    truth: np.ndarray
    by_stream: dict[str, np.ndarray]

    @property
    def is_labelled(self) -> bool:
        """Whether any video has a label."""
        return bool((self.truth != UNLABELLED).any())

    @property
    def final(self) -> np.ndarray:
        """(n,) the classifier's answer: of both streams together, or of its only one."""
        return self.by_stream.get(FUSED, next(iter(self.by_stream.values())))


@dataclass(frozen=True)
class Run:
    """One run: a method with a seed."""

    seed: int
    predictions: Predictions
    metrics: Metrics
    settings: dict[str, Any]


@dataclass(frozen=True)
class Method:
    """A row of the tables and its runs, in the order of their seeds."""

    name: str
    runs: tuple[Run, ...]

    @property
    def title(self) -> str:
        """Title in the tables; one that was tested on a part of the videos says so."""
        settings = self.runs[0].settings.get("train", {})
        return title(self.name) + (" (split 1)" if settings.get("protocol") == "split1" else "")

    @property
    def is_labelled(self) -> bool:
        """Whether the target has labels, so that accuracy can be told."""
        return all(run.predictions.is_labelled for run in self.runs)


def run_folder(results: Path, benchmark: str, method: str, seed: int) -> Path:
    """Folder of a run."""
    return results / "runs" / benchmark / method / f"seed{seed}"


def load_method(results: Path, benchmark: str, name: str, seeds: Sequence[int], classes: Sequence[str]) -> Method:
    """Reads all runs of a method.

    Raises:
        UserError: if a file is missing, malformed, or of other classes.
    """
    runs = []
    for seed in seeds:
        folder = run_folder(results, benchmark, name, seed)
        predictions = read_predictions(folder / PREDICTIONS, classes)
        runs.append(Run(seed, predictions, read_metrics(folder / METRICS), read_yaml(folder / SETTINGS)))
    return Method(name, tuple(runs))


def read_predictions(path: Path, classes: Sequence[str]) -> Predictions:
    """Reads predictions.csv.

    Args:
        path: the table.
        classes: names in the order of the labels.

    Raises:
        UserError: if the table is missing, empty, lacks a column, or names another class.
    """
    rows = read_table(path, ("id", "class", "predicted"))
    streams = [name for name in STREAMS if rows and f"predicted_{name}" in rows[0]]
    if not streams:
        raise UserError(f"{path}: holds no predictions of a stream: run evaluate again")
    labels = {name: label for label, name in enumerate(classes)} | {"": UNLABELLED}

    def column(name: str) -> np.ndarray:
        unknown = sorted({row[name] for row in rows} - labels.keys())
        if unknown:
            raise UserError(f"{path}: {name}: {unknown[0]!r} is no class of the benchmark; it has {', '.join(classes)}")
        return np.array([labels[row[name]] for row in rows], np.int64)

    by_stream = {name: column(f"predicted_{name}") for name in streams}
    together = column("predicted")
    if len(by_stream) > 1:
        by_stream[FUSED] = together
    return Predictions(column("class"), by_stream)


def read_metrics(path: Path) -> Metrics:
    """Reads metrics.csv.

    Raises:
        UserError: if it is missing, has no column epoch, or a cell is not a number.
    """
    rows = read_table(path, ("epoch",))
    names = list(rows[0]) if rows else []
    try:
        return {name: np.array([float(row[name]) if row[name] else np.nan for row in rows]) for name in names}
    except (TypeError, ValueError) as error:
        raise UserError(f"{path}: every cell must be a number or empty ({error})") from None

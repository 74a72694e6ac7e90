"""What training and fusion left on disk: runs with their metrics and settings, methods with their predictions."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd

from i2vadapt.config.base import Stream
from i2vadapt.config.methods import FusionWeights
from i2vadapt.config.names import canonical
from i2vadapt.config.parsing import parse, read_yaml
from i2vadapt.data.items import UNLABELLED
from i2vadapt.errors import UserError
from i2vadapt.files.digests import file_digest
from i2vadapt.files.tables import read_table
from i2vadapt.inference.method import FusedRun, MethodDescription
from i2vadapt.inference.predictions import FUSED
from i2vadapt.layout import MethodFolder, Results, RunFolder

STREAMS: tuple[Stream, ...] = get_args(Stream)


class OutdatedFusionError(UserError):
    """A method was fused from other scores than its runs have now."""


@dataclass(frozen=True, eq=False)
class Run:
    """One trained network.

    Attributes:
        name: of the run, as in methods.yaml.
        stream: what the network sees.
        seed: of the training.
        folder: where its scores are.
        metrics: (epochs, columns) content of metrics.csv, indexed by epoch; NaN where nothing was measured.
        settings: content of settings.yaml.
        scored: epochs that have a file of scores, in order.
    """

    name: str
    stream: Stream
    seed: int
    folder: RunFolder
    metrics: pd.DataFrame
    settings: dict[str, Any]
    scored: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Predictions:
    """Predicted classes of the n tested videos.

    Attributes:
        truth: (n,) true classes, -1 without a label.
        by_stream: (n,) predicted classes of each stream and, if there are several, of their fusion under "fused".
        ids: (n,) ids of the videos.
        confidence: (n,) scores of the predicted classes, 0 to the sum of the runs' weights.
    """

    truth: np.ndarray
    by_stream: dict[str, np.ndarray]
    ids: tuple[str, ...]
    confidence: np.ndarray

    @property
    def is_labelled(self) -> bool:
        """Whether any video has a label."""
        return self.labelled > 0

    @property
    def labelled(self) -> int:
        """Number of videos that have a label, of which alone the accuracy is known."""
        return int((self.truth != UNLABELLED).sum())

    @property
    def result(self) -> str:
        """Key of the prediction that counts: the fusion, or that of the only stream."""
        return FUSED if FUSED in self.by_stream else next(iter(self.by_stream))

    @property
    def final(self) -> np.ndarray:
        """(n,) the predicted classes that count."""
        return self.by_stream[self.result]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A method with one seed: its runs, the rule that weighs them, and the predictions made from their last scores."""

    seed: int
    predictions: Predictions
    runs: tuple[Run, ...]
    weights: FusionWeights = "equal"
    total_weight: float = 1.0

    @property
    def probabilities(self) -> np.ndarray:
        """(n,) probabilities of the predicted classes: their scores over the sum of the runs' weights."""
        return self.predictions.confidence / self.total_weight


@dataclass(frozen=True, eq=False)
class Method:
    """A row of the tables.

    Attributes:
        name: of the method, as in methods.yaml.
        title: in the tables.
        evaluations: in the order of the seeds asked for.
        protocol: transductive or split1.
        origin: work that the method follows; empty: the paper.
    """

    name: str
    title: str
    evaluations: tuple[Evaluation, ...]
    protocol: str = "transductive"
    origin: str = ""

    @property
    def is_labelled(self) -> bool:
        """Whether the target has labels, so that there is an accuracy to report."""
        return all(evaluation.predictions.is_labelled for evaluation in self.evaluations)

    @property
    def result(self) -> str:
        """Key of the prediction that counts."""
        return self.evaluations[0].predictions.result


def load_methods(
    results: Results, benchmark: str, names: Sequence[str], seeds: Sequence[int], classes: Sequence[str]
) -> list[Method]:
    """Reads methods and their runs; a run that several methods fuse is read once and shared.

    Args:
        results: folder of everything that is made.
        benchmark: name of the benchmark.
        names: of the methods, in the order of the table.
        seeds: of every method.
        classes: names in the order of the labels.

    Raises:
        UserError: if a file is missing, malformed or of other classes, or a run was trained again after its fusion.
    """
    known: dict[Path, Run] = {}
    methods = []
    for name in names:
        evaluations, described = [], []
        for seed in seeds:
            folder = results.method(benchmark, name, seed)
            description = parse(MethodDescription, read_yaml(folder.description), str(folder.description))
            if set(description.classes) != set(classes):
                made, wanted = ", ".join(description.classes), ", ".join(classes)
                raise UserError(
                    f"{folder.description}: made for the classes {made}, not {wanted}: train its runs again"
                )
            described.append(description)
            runs = tuple(_load_run(folder, fused, seed, known) for fused in description.runs)
            predictions = read_predictions(folder.predictions, classes)
            if file_digest(folder.predictions) != description.predictions:
                raise UserError(f"{folder.predictions}: was changed or damaged after the fusion: run fuse again")
            total = sum(fused.weight for fused in description.runs)
            evaluations.append(Evaluation(seed, predictions, runs, description.weights, total))
        first = described[0]
        title = first.title + (" (split 1)" if first.protocol == "split1" else "")
        methods.append(Method(name, title, tuple(evaluations), first.protocol, first.origin))
    return methods


def distinct_runs(methods: Sequence[Method]) -> dict[str, list[Run]]:
    """All runs that the methods fuse, by name, a run a seed; in the order of the methods, each run once."""
    runs: dict[str, dict[int, Run]] = {}
    for method in methods:
        for evaluation in method.evaluations:
            for run in evaluation.runs:
                runs.setdefault(run.name, {})[run.seed] = run
    return {name: list(by_seed.values()) for name, by_seed in runs.items()}


def _load_run(method: MethodFolder, fused: FusedRun, seed: int, known: dict[Path, Run]) -> Run:
    path = Path(os.path.normpath(method.path / fused.folder))
    if path not in known:
        folder = RunFolder(path)
        if not folder.scores_index.exists():
            raise OutdatedFusionError(
                f"{folder.scores_index}: missing, but fused by {method.description}: train the run again"
            )
        rows = read_table(folder.scores_index, ("epoch", "sha256"))
        if not rows or rows[-1]["sha256"] != fused.scores:
            raise OutdatedFusionError(
                f"{method.description}: fused from other scores of {fused.name} than the last of {folder.scores_index}:"
                " run fuse again"
            )
        scored = tuple(int(row["epoch"]) for row in rows)
        metrics, settings = read_metrics(folder.metrics), read_yaml(folder.settings)
        known[path] = Run(fused.name, fused.stream, seed, folder, metrics, settings, scored)
    return known[path]


def read_predictions(path: Path, classes: Sequence[str]) -> Predictions:
    """Reads predictions.csv.

    Args:
        path: the table.
        classes: names in the order of the labels.

    Raises:
        UserError: if the table is missing, empty, lacks a column, names another class, or a confidence is no number.
    """
    rows = read_table(path, ("id", "class", "predicted", "confidence"))
    streams = [name for name in STREAMS if rows and f"predicted_{name}" in rows[0]]
    if not streams:
        raise UserError(f"{path}: holds no predictions of a stream: run fuse again")
    labels = {canonical(name): label for label, name in enumerate(classes)} | {"": UNLABELLED}

    def column(name: str) -> np.ndarray:
        found = [canonical(row[name]) for row in rows]
        unknown = sorted(set(found) - labels.keys())
        if unknown:
            raise UserError(
                f"{path}: {name}: {unknown[0]!r} is no class of the benchmark, which has {', '.join(classes)}"
            )
        return np.array([labels[one] for one in found], np.int64)

    by_stream = {str(name): column(f"predicted_{name}") for name in streams}
    fused = column("predicted")
    if len(by_stream) > 1:
        by_stream[FUSED] = fused
    try:
        confidence = np.array([float(row["confidence"]) for row in rows])
    except ValueError as error:
        raise UserError(f"{path}: confidence: every cell must be a number ({error}): run fuse again") from None
    return Predictions(column("class"), by_stream, tuple(row["id"] for row in rows), confidence)


def read_metrics(path: Path) -> pd.DataFrame:
    """Reads metrics.csv.

    Returns:
        (epochs, columns) float64, indexed by epoch; NaN where nothing was measured.

    Raises:
        UserError: if it is missing or empty, has no column epoch, or a cell is not a number.
    """
    rows = read_table(path, ("epoch",))
    if not rows:
        raise UserError(f"{path}: has no epochs: train the run again")
    columns = list(rows[0])
    try:
        values = [[float(row[name]) if row[name] else np.nan for name in columns] for row in rows]
    except (TypeError, ValueError) as error:
        raise UserError(f"{path}: every cell must be a number or empty ({error})") from None
    return pd.DataFrame(values, columns=columns, dtype=np.float64).set_index("epoch")

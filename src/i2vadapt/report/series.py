"""The lines of the learning curves: of methods, and of the runs that they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from i2vadapt.inference.confidence import source_weights
from i2vadapt.inference.metrics import accuracies
from i2vadapt.inference.scores import fuse, read_scores
from i2vadapt.report.plotting import colour, dash
from i2vadapt.report.runs import Evaluation, Method, Run, distinct_runs


@dataclass(frozen=True, eq=False)
class Line:
    """A quantity over the epochs.

    Attributes:
        label: in the legend.
        colour: of the line.
        dash: Matplotlib's line style.
        seeds: a series indexed by epoch for each seed that measured it, without gaps.
    """

    label: str
    colour: str
    dash: str
    seeds: list[pd.Series]

    @property
    def mean(self) -> pd.Series:
        """Mean over the seeds at the epochs that all of them measured."""
        return pd.concat(self.seeds, axis=1, join="inner").mean(axis=1)


def method_lines(methods: Sequence[Method]) -> list[Line]:
    """Accuracy of each method on the target: of its runs fused, or of its only run; none without labels."""
    lines = []
    for number, method in enumerate(methods):
        seeds = [_final_accuracy(evaluation) for evaluation in method.evaluations]
        lines.append(Line(method.title, colour(number), dash(number), [curve for curve in seeds if len(curve)]))
    return [line for line in lines if line.seeds]


def run_lines(methods: Sequence[Method], column: str, stream: str | None = None) -> list[Line]:
    """A column of metrics.csv for each run that measured it.

    A run that several methods fuse is one line, in the colour of the first of them.

    Args:
        methods: rows of the tables.
        column: of metrics.csv.
        stream: only runs of this stream; None takes all.
    """
    lines = []
    for name, runs in distinct_runs(methods).items():
        number = first_method(methods, name)
        seeds = [curve for run in runs if len(curve := measured(run, column))]
        if seeds and stream in (None, runs[0].stream):
            lines.append(Line(name, colour(number), dash(number), seeds))
    return lines


def first_method(methods: Sequence[Method], run: str) -> int:
    """Place of the first method that fuses a run."""
    return next(
        number
        for number, method in enumerate(methods)
        if any(run == part.name for evaluation in method.evaluations for part in evaluation.runs)
    )


def measured(run: Run, column: str) -> pd.Series:
    """The values of a column where it was measured, indexed by epoch; empty if the run does not have it."""
    if column not in run.metrics:
        return pd.Series(dtype=np.float64)
    return run.metrics[column].dropna()


def _final_accuracy(evaluation: Evaluation) -> pd.Series:
    """Accuracy of an evaluation's runs, fused, at the epochs that all of them scored."""
    if not evaluation.predictions.is_labelled:
        return pd.Series(dtype=np.float64)
    if len(evaluation.runs) == 1:
        return measured(evaluation.runs[0], "accuracy")
    epochs = sorted(set.intersection(*(set(run.scored) for run in evaluation.runs)))
    values = [_fused_accuracy(evaluation, epoch) for epoch in epochs]
    return pd.Series(values, index=epochs, dtype=np.float64)


def _fused_accuracy(evaluation: Evaluation, epoch: int) -> float:
    parts = [read_scores(run.folder.scores(epoch)) for run in evaluation.runs]
    scores = fuse(parts, source_weights(parts) if evaluation.weights == "source" else None)
    return accuracies(scores.predictions[scores.tested], scores.labels[scores.tested])["accuracy"]

"""The paper's accuracies beside ours, with the protocol, the origin and the cost of each row (its Table 1)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from i2vadapt.config.published import Published
from i2vadapt.layout import Results
from i2vadapt.report.accuracy import accuracy_over_seeds, in_percent, is_labelled
from i2vadapt.report.needed import needed_runs
from i2vadapt.report.rendering import render
from i2vadapt.report.runs import Method
from i2vadapt.report.text import percent
from i2vadapt.report.times import job_seconds
from i2vadapt.stages import FEATURES, TRAIN

HEADER = ("Method", "Paper", "Ours", "Controls", "Protocol", "Origin", "Hours")
_CONTROL, _JOBS = "control_", (TRAIN, FEATURES)
NOTE = (
    "Accuracy in per cent. The paper's rows of other authors mix networks, features and test videos: compare the order"
    " of magnitude only. Controls: simpler systems on the same features, which the row should surpass. Hours: all"
    " trainings that a row needs, shared ones included, without preprocessing; mean over"
    " the seeds"
)


def compare(results: Results, benchmark: str, methods: Sequence[Method], published: Published | None) -> pd.DataFrame:
    """Compares the methods with the paper.

    Args:
        results: folder of all results.
        benchmark: name of the benchmark.
        methods: rows of the table.
        published: accuracies that the paper prints; None compares with nothing.

    Returns:
        (methods, 7) text by the columns `HEADER`; cells are empty where the paper prints nothing, the target has no
        labels, or no time was measured.
    """
    ours = [""] * len(methods)
    if is_labelled(methods):
        shares = accuracy_over_seeds(methods)
        names = [f"accuracy_{method.result}" for method in methods]
        rows = zip(names, (row for _, row in shares.iterrows()), strict=True)
        ours = [in_percent(row[name], row[f"{name}_std"]) for name, row in rows]
    rows_of = []
    for method, accuracy in zip(methods, ours, strict=True):
        printed = published.of(method.name, benchmark) if published is not None else None
        hours = np.mean([_hours(results, benchmark, method, number) for number in range(len(method.evaluations))])
        rows_of.append(
            [
                method.title.removesuffix(" (split 1)"),
                "" if printed is None else f"{printed:.1f}",
                accuracy,
                _controls(method),
                method.protocol,
                method.origin or "the paper",
                f"{hours:.2f}" if hours > 0 else "",
            ]
        )
    return pd.DataFrame(rows_of, columns=list(HEADER))


def _controls(method: Method) -> str:
    """Accuracies of the controls that the runs of a method have measured, as means over the seeds in per cent."""
    found: dict[str, list[float]] = {}
    for evaluation in method.evaluations:
        for run in evaluation.runs:
            last = run.metrics.iloc[-1]
            for column in (name for name in run.metrics.columns if name.startswith(_CONTROL)):
                found.setdefault(column.removeprefix(_CONTROL), []).append(float(last[column]))
    return ", ".join(f"{name} {percent(float(np.mean(values)))}" for name, values in found.items())


def to_markdown(table: pd.DataFrame) -> str:
    """The comparison in Markdown."""
    return render("comparison.md.j2", header=HEADER, rows=table.to_numpy().tolist(), note=NOTE)


def _hours(results: Results, benchmark: str, method: Method, number: int) -> float:
    """Hours of the jobs that train the runs of a method with one seed, and those that these read from."""
    evaluation = method.evaluations[number]
    names = needed_runs(results, benchmark, evaluation)
    jobs = [results.job_time(stage.name, f"{benchmark}-{name}-{evaluation.seed}") for stage in _JOBS for name in names]
    return sum(map(job_seconds, jobs)) / 3600

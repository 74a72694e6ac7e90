"""Accuracy of every method, per video and as the mean over classes, mean and spread over seeds, in four formats."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import accuracy_score, recall_score

from i2vadapt.data.items import UNLABELLED
from i2vadapt.report.runs import FUSED, STREAMS, Method, Predictions
from i2vadapt.report.text import percent

SCORES = tuple(f"{kind}_{stream}" for kind in ("accuracy", "class_accuracy") for stream in (*STREAMS, FUSED))
_HEADS = ("RGB", "Flow", "Fused", "RGB, per class", "Flow, per class", "Fused, per class")
NO_LABELS = "The target has no labels: there is no accuracy to tell, only how many videos went to each class."


@dataclass(frozen=True)
class Spread:
    """Mean over seeds and standard deviation (of a sample; None with a single seed), as shares."""

    mean: float
    deviation: float | None

    def in_percent(self, plus_minus: str = " ± ") -> str:
        """As '74.1 ± 0.3', or '74.1' with a single seed."""
        return percent(self.mean) + (f"{plus_minus}{percent(self.deviation)}" if self.deviation is not None else "")


Row = Mapping[str, Spread]


def run_scores(predictions: Predictions) -> dict[str, float]:
    """Accuracies of one run; a stream that the run does not have is left out.

    Returns:
        accuracy_<stream>: share of labelled videos that are right. class_accuracy_<stream>: its mean over the classes
        that have videos. Empty without labels.
    """
    known = predictions.truth != UNLABELLED
    truth = predictions.truth[known]
    if not truth.size:
        return {}
    scores = {}
    for stream, predicted in predictions.by_stream.items():
        scores[f"accuracy_{stream}"] = float(accuracy_score(truth, predicted[known]))
        by_class = recall_score(truth, predicted[known], labels=np.unique(truth), average="macro", zero_division=0)
        scores[f"class_accuracy_{stream}"] = float(by_class)
    return scores


def method_scores(method: Method) -> Row:
    """Accuracies of a method over its seeds."""
    rows = [run_scores(run.predictions) for run in method.runs]
    names = [name for name in SCORES if all(name in row for row in rows)]
    return {name: _spread([row[name] for row in rows]) for name in names}


def _spread(values: Sequence[float]) -> Spread:
    return Spread(float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None)


def final_score(row: Row) -> str | None:
    """Name of the accuracy that is the method's result: fused, or that of its only stream; None without labels."""
    return next((name for name in (f"accuracy_{FUSED}", "accuracy_rgb", "accuracy_flow") if name in row), None)


def accuracy_csv(methods: Sequence[Method]) -> str:
    """Shares with six digits, a column of means and one of deviations for each accuracy; empty where there is none."""
    header = ["method", "title", "seeds", *(f"{name}{end}" for name in SCORES for end in ("", "_std"))]
    text = io.StringIO()
    writer = csv.DictWriter(text, header, lineterminator="\n")
    writer.writeheader()
    for method in methods:
        cells: dict[str, object] = {
            "method": method.name,
            "title": method.title,
            "seeds": " ".join(str(run.seed) for run in method.runs),
        }
        for name, spread in method_scores(method).items():
            cells[name] = f"{spread.mean:.6f}"
            cells[f"{name}_std"] = "" if spread.deviation is None else f"{spread.deviation:.6f}"
        writer.writerow(cells)
    return text.getvalue()


def accuracy_markdown(methods: Sequence[Method], classes: Sequence[str]) -> str:
    """The table in per cent, the result of each method in bold."""
    if not is_labelled(methods):
        header, rows = count_rows(methods, classes)
        return f"{NO_LABELS}\n\n{markdown_table(header, rows)}"
    rows = [_cells(method, bold=lambda cell: f"**{cell}**") for method in methods]
    return f"Accuracy on the target in per cent{seeds_note(methods)}.\n\n{markdown_table(('Method', *_HEADS), rows)}"


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, numbers to the right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def accuracy_latex(methods: Sequence[Method], classes: Sequence[str]) -> str:
    """A tabular (package booktabs) in per cent."""
    if is_labelled(methods):
        rows = [_cells(method, "$\\pm$", lambda cell: f"\\textbf{{{cell}}}", _escape_latex) for method in methods]
        second = " & ".join(["", *_HEADS[:3], *_HEADS[:3]])
        header = ["& \\multicolumn{3}{c}{per video} & \\multicolumn{3}{c}{mean over classes} \\\\", f"{second} \\\\"]
        columns = "l" + "r" * len(_HEADS)
    else:
        names, counts = count_rows(methods, classes)
        rows = [[_escape_latex(cell) for cell in row] for row in counts]
        header = [" & ".join(_escape_latex(name) for name in names) + " \\\\"]
        columns = "l" + "r" * (len(names) - 1)
    body = [" & ".join(row) + " \\\\" for row in rows]
    note = "" if is_labelled(methods) else f"% {NO_LABELS}\n"
    head = [f"\\begin{{tabular}}{{{columns}}}", "\\toprule", *header, "\\midrule"]
    return note + "\n".join([*head, *body, "\\bottomrule", "\\end{tabular}"]) + "\n"


def _escape_latex(text: str) -> str:
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": "$<$", ">": "$>$"}
    return "".join(special.get(letter, f"\\{letter}" if letter in "&%$#_{}" else letter) for letter in text)


def accuracy_text(methods: Sequence[Method], classes: Sequence[str]) -> str:
    """The table in columns, for a terminal."""
    if is_labelled(methods):
        header, rows, note = ["Method", *_HEADS], [_cells(method) for method in methods], ""
    else:
        header, rows = count_rows(methods, classes)
        note = NO_LABELS + "\n"
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    lines = [
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width) for column, (cell, width) in enumerate(pairs)
        ).rstrip()
        for pairs in (list(zip(row, widths, strict=True)) for row in [header, *rows])
    ]
    return note + "\n".join(lines)


def count_rows(methods: Sequence[Method], classes: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """Header and rows of videos that each method (first seed) gives to each class; for targets without labels."""
    rows = [
        [method.title, *(str(int((method.runs[0].predictions.final == label).sum())) for label in range(len(classes)))]
        for method in methods
    ]
    return ["Method", *classes], rows


def accuracy_rows(methods: Sequence[Method]) -> tuple[list[str], list[list[str]], list[int | None]]:
    """Header, rows in per cent, and for each row the column of its result (to emphasise)."""
    columns = []
    for method in methods:
        name = final_score(method_scores(method))
        columns.append(None if name is None else 1 + SCORES.index(name))
    return ["Method", *_HEADS], [_cells(method) for method in methods], columns


def _cells(
    method: Method,
    plus_minus: str = " ± ",
    bold: Callable[[str], str] = str,
    escape: Callable[[str], str] = str,
) -> list[str]:
    """Title and accuracies in per cent; empty cells for streams that the method does not have."""
    row = method_scores(method)
    final = final_score(row)
    cells = [escape(method.title)]
    for name in SCORES:
        cell = row[name].in_percent(plus_minus) if name in row else ""
        cells.append(bold(cell) if name == final else cell)
    return cells


def is_labelled(methods: Sequence[Method]) -> bool:
    """Whether accuracy can be told for every method."""
    return all(method.is_labelled for method in methods)


def seeds_note(methods: Sequence[Method]) -> str:
    """How many seeds the numbers stand for."""
    count = len(methods[0].runs)
    return f", mean ± standard deviation over {count} seeds" if count > 1 else f", seed {methods[0].runs[0].seed}"

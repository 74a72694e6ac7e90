"""The table of accuracies as CSV, Markdown, LaTeX, text and rows of the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from i2vadapt.report.accuracy import SCORES, accuracy_over_seeds, in_percent, is_labelled
from i2vadapt.report.rendering import render
from i2vadapt.report.runs import Method
from i2vadapt.report.text import escape_latex

NO_LABELS = "The target has no labels: instead of accuracy, these are the numbers of videos assigned to each class."
_GROUPS, _STREAMS = ("per video", "mean over classes"), ("RGB", "Flow", "Fused")
_HEADS = (*_STREAMS, *(f"{stream}, per class" for stream in _STREAMS))


@dataclass(frozen=True, eq=False)
class Table:
    """A table as people read it.

    Attributes:
        cells: (rows, columns) text, indexed by the titles of the methods.
        results: for each row the column that counts, by its place in `header`; None without labels.
        note: what the numbers are, without a full stop.
        labelled: whether the cells are accuracies; otherwise they count the videos assigned to each class.
    """

    cells: pd.DataFrame
    results: list[int | None]
    note: str
    labelled: bool

    @property
    def header(self) -> list[str]:
        """Names of all columns, that of the methods included."""
        return ["Method", *self.cells.columns]

    @property
    def rows(self) -> list[list[str]]:
        """Cells of all rows, each after the title of its method."""
        return [list(row) for row in self.cells.itertuples()]


def make_table(methods: Sequence[Method], classes: Sequence[str]) -> Table:
    """Accuracies in per cent; of a target without labels, how many videos the first seed assigned to each class."""
    titles = [method.title for method in methods]
    if not is_labelled(methods):
        finals = [method.evaluations[0].predictions.final for method in methods]
        counts = [[str(np.count_nonzero(final == label)) for label in range(len(classes))] for final in finals]
        return Table(pd.DataFrame(counts, titles, list(classes)), [None] * len(methods), NO_LABELS.rstrip("."), False)
    shares = accuracy_over_seeds(methods)
    cells = [[in_percent(row[name], row[f"{name}_std"]) for name in SCORES] for _, row in shares.iterrows()]
    results: list[int | None] = [1 + SCORES.index(f"accuracy_{method.result}") for method in methods]
    seeds = [evaluation.seed for evaluation in methods[0].evaluations]
    spread = f"mean ± standard deviation over {len(seeds)} seeds" if len(seeds) > 1 else f"seed {seeds[0]}"
    predictions = methods[0].evaluations[0].predictions
    known, count = predictions.labelled, len(predictions.truth)
    videos = f", over the {known} of {count} videos that have a label" if known < count else ""
    note = f"Accuracy on the target in per cent, {spread}{videos}"
    return Table(pd.DataFrame(cells, titles, list(_HEADS)), results, note, True)


def to_csv(methods: Sequence[Method]) -> str:
    """Shares with six digits, a column of means and one of deviations for each accuracy; empty where there is none."""
    shares = accuracy_over_seeds(methods)
    shares.insert(0, "title", [method.title for method in methods])
    shares.insert(1, "seeds", [" ".join(str(part.seed) for part in method.evaluations) for method in methods])
    return str(shares.to_csv(float_format="%.6f", lineterminator="\n"))


def to_markdown(table: Table) -> str:
    """The table in Markdown, the result of each method in bold, numbers to the right."""
    return render("accuracy.md.j2", table=table)


def to_latex(table: Table) -> str:
    """A tabular (package booktabs), the result of each method in bold."""
    # Titles may occur twice, and pandas styles only cells whose row and column have a name of their own.
    cells = table.cells.set_axis(range(len(table.cells)))
    if table.labelled:
        cells.columns = pd.MultiIndex.from_product([_GROUPS, _STREAMS])
    else:
        cells.columns.name = "Method"
    marks = pd.DataFrame("", cells.index, cells.columns)
    for row, column in enumerate(table.results):
        if column is not None:
            marks.iloc[row, column - 1] = "textbf:--rwrap"
    titles: dict[object, str] = {row: escape_latex(title) for row, title in enumerate(table.cells.index)}
    style = cells.style.format(lambda cell: escape_latex(str(cell)))
    style = style.format_index(lambda row: titles[row])
    style = style.format_index(lambda name: escape_latex(str(name)), axis=1).apply(lambda _: marks, axis=None)
    tabular = style.to_latex(hrules=True, multicol_align="c", column_format="l" + "r" * len(cells.columns))
    return ("" if table.labelled else f"% {NO_LABELS}\n") + str(tabular)


def to_text(table: Table) -> str:
    """The table in columns, for a terminal."""
    # By itself, pandas puts one space before a head that is as wide as its column.
    widths = [len(str(name)) + 1 for name in table.cells.columns]
    lines = table.cells.rename_axis(columns="Method").to_string(col_space=widths).splitlines()
    return "\n".join([*([] if table.labelled else [NO_LABELS]), *(line.rstrip() for line in lines)])

"""One page with everything, which needs no other file and no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from i2vadapt.config.documents import Benchmark
from i2vadapt.report.comparison import HEADER, NOTE
from i2vadapt.report.datasets import DatasetSummary
from i2vadapt.report.rendering import render
from i2vadapt.report.runs import Method, distinct_runs
from i2vadapt.report.settings import differences, run_document, to_yaml
from i2vadapt.report.tables import Table
from i2vadapt.report.text import duration
from i2vadapt.report.times import RuleTime

_MOST_FAILURES = 20
SHEETS = {
    "photographs": "Photographs of each class and their estimated inverse depth: bright is near.",
    "generated": "Generated videos, first frame to last: a photograph seen by a camera on a short path.",
    "flow_source": "Flow of generated videos: camera motion only. Hue is direction, saturation is speed.",
    "flow_target": "Flow of target videos: real motion, which source videos retrieve from the flow memory bank.",
}
"""Name of a contact sheet -> caption."""


@dataclass(frozen=True)
class Content:
    """All that goes into the page.

    Attributes:
        benchmark: what was run.
        methods: rows of the tables.
        table: accuracies of the methods.
        comparison: the paper's accuracies beside ours, see `comparison.compare`.
        datasets: source and target.
        times: wall times; may be empty.
        accuracy: PNG.
        classes: PNG, accuracy of each class by two methods.
        confusions: PNG of each method, by its name.
        curves: PNG.
        teachers: PNG; None without a teacher.
        sheets: PNG by the names of `SHEETS`.
        provenance: rows of name and value.
    """

    benchmark: Benchmark
    methods: Sequence[Method]
    table: Table
    comparison: pd.DataFrame
    datasets: tuple[DatasetSummary, DatasetSummary]
    times: Sequence[RuleTime]
    accuracy: bytes
    classes: bytes
    confusions: Mapping[str, bytes]
    curves: bytes
    teachers: bytes | None
    sheets: Mapping[str, bytes]
    provenance: Sequence[tuple[str, str]]


def build_page(content: Content) -> str:
    """The page as HTML; the same content gives the same page."""
    first = {name: runs[0] for name, runs in distinct_runs(content.methods).items()}
    stages = {summary.name: {part.kind: part.settings for part in summary.shards} for summary in content.datasets}
    return render(
        "report.html.j2",
        content=content,
        sheets=SHEETS,
        comparison=content.comparison.to_numpy().tolist(),
        comparison_header=HEADER,
        comparison_note=NOTE,
        most_failures=_MOST_FAILURES,
        times=[_time_row(row) for row in content.times],
        fused=[(method.title, ", ".join(run.name for run in method.evaluations[0].runs)) for method in content.methods],
        differences=differences([run.settings.get("train") for run in first.values()]),
        documents=[(name, run.seed, run_document(run.settings)) for name, run in first.items()],
        data_settings=to_yaml(stages),
    )


def _time_row(row: RuleTime) -> list[str]:
    memory = "" if row.memory is None else f"{row.memory:.0f}"
    return [row.rule, str(row.jobs), duration(row.total), duration(row.longest), memory]

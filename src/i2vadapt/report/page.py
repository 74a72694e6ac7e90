"""One page with everything, which needs no other file and no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from i2vadapt.config.documents import Benchmark
from i2vadapt.report import budget
from i2vadapt.report.captions import figure_captions, sheet_captions
from i2vadapt.report.clips import ClipGroup
from i2vadapt.report.comparison import HEADER, NOTE
from i2vadapt.report.datasets import DatasetSummary
from i2vadapt.report.disk import Stored
from i2vadapt.report.rendering import render
from i2vadapt.report.runs import Method, distinct_runs
from i2vadapt.report.settings import differences, run_document, to_yaml
from i2vadapt.report.tables import Table
from i2vadapt.report.text import duration, size
from i2vadapt.report.times import RuleTime

_MOST_FAILURES = 20


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
        stored: space on disk.
        superseded: what was set aside and its space; empty if nothing was.
        figures: PNG by name: accuracy, classes and curves, and, where there is something to show, teachers, pace and
            features.
        confusions: PNG of each method, by its name.
        banks: PNG of the memory bank of each run that has one, by its name.
        sheets: PNG by the names of `sheet_captions`.
        provenance: rows of name and value.
        clips: videos of the last method to play.
    """

    benchmark: Benchmark
    methods: Sequence[Method]
    table: Table
    comparison: pd.DataFrame
    datasets: tuple[DatasetSummary, DatasetSummary]
    times: Sequence[RuleTime]
    stored: Sequence[Stored]
    superseded: str
    figures: Mapping[str, bytes]
    confusions: Mapping[str, bytes]
    banks: Mapping[str, bytes]
    sheets: Mapping[str, bytes]
    provenance: Sequence[tuple[str, str]]
    clips: Sequence[ClipGroup] = ()


def build_page(content: Content) -> str:
    """The page as HTML; the same content gives the same page."""
    first = {name: runs[0] for name, runs in distinct_runs(content.methods).items()}
    stages = {summary.name: {part.kind: part.settings for part in summary.shards} for summary in content.datasets}
    series = {"confusion": content.confusions, "bank": content.banks}
    kept = {name: budget.keep_within(pictures, budget.SERIES) for name, pictures in series.items()}
    return render(
        "report.html.j2",
        content=content,
        captions=figure_captions(content.table.labelled),
        sheets=sheet_captions(),
        most_of_sheet=budget.SHEET,
        series=kept,
        titles={method.name: method.title for method in content.methods},
        run_titles={name: f"Run {name}, seed {run.seed}" for name, run in first.items()},
        comparison=content.comparison.to_numpy().tolist(),
        comparison_header=HEADER,
        comparison_note=NOTE,
        most_failures=_MOST_FAILURES,
        stages=stage_rows(content.times, content.stored),
        stored=[(part.stage, part.what, str(part.files), size(part.size)) for part in content.stored],
        fused=[(method.title, ", ".join(run.name for run in method.evaluations[0].runs)) for method in content.methods],
        differences=differences([run.settings.get("train") for run in first.values()]),
        documents=[(name, run.seed, run_document(run.settings)) for name, run in first.items()],
        data_settings=to_yaml(stages),
    )


def stage_rows(times: Sequence[RuleTime], stored: Sequence[Stored]) -> list[list[str]]:
    """Jobs, wall times, memory and space of each stage, those that took longest first, and their sum."""
    space: dict[str, int] = {}
    for part in stored:
        space[part.stage] = space.get(part.stage, 0) + part.size
    rows = []
    for row in times:
        memory = "" if row.memory is None else size(round(row.memory * 1e6))
        kept = size(space.pop(row.rule)) if row.rule in space else ""
        rows.append([row.rule, str(row.jobs), duration(row.total), duration(row.longest), memory, kept])
    rows += [[stage, "", "", "", "", size(amount)] for stage, amount in space.items()]
    jobs, total = sum(row.jobs for row in times), sum(row.total for row in times)
    everything = size(sum(part.size for part in stored))
    return [*rows, ["all", str(jobs) if jobs else "", duration(total) if jobs else "", "", "", everything]]

"""One page with everything, that needs no other file and no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from i2vadapt.config.documents import Benchmark
from i2vadapt.report import html
from i2vadapt.report.datasets import DatasetSummary
from i2vadapt.report.runs import Method
from i2vadapt.report.settings import differences, plain_yaml, run_document
from i2vadapt.report.tables import NO_LABELS, accuracy_rows, count_rows, is_labelled, seeds_note
from i2vadapt.report.text import duration
from i2vadapt.report.times import RuleTime

_MOST_FAILURES = 20
SHEETS = {
    "photographs": "Photographs of each class and their estimated inverse depth: bright is near.",
    "generated": "Generated videos: a photograph seen by a camera on a short random walk; first frame to last.",
    "flow_source": "TV-L1 flow of generated videos: the camera's motion only. Colour is direction, strength is speed.",
    "flow_target": "TV-L1 flow of target videos: real motion, which the flow memory bank lends to the source.",
}
"""Name of a contact sheet -> caption."""


@dataclass(frozen=True)
class Content:
    """All that goes into the page.

    Attributes:
        benchmark: what was run.
        methods: rows of the tables.
        datasets: source and target.
        times: wall times; may be empty.
        accuracy: PNG.
        confusions: PNG of each method, by its name.
        curves: PNG.
        sheets: PNG by the names of `SHEETS`.
        provenance: rows of name and value.
    """

    benchmark: Benchmark
    methods: Sequence[Method]
    datasets: tuple[DatasetSummary, DatasetSummary]
    times: Sequence[RuleTime]
    accuracy: bytes
    confusions: Mapping[str, bytes]
    curves: bytes
    sheets: Mapping[str, bytes]
    provenance: Sequence[tuple[str, str]]


def build_page(content: Content) -> str:
    """The page as HTML; the same content gives the same page."""
    sections = [
        ("results", "Results", _results(content)),
        ("confusion", "Confusion", _confusions(content)),
        ("curves", "Learning curves", html.picture(content.curves, "One point an epoch; thin lines are single seeds.")),
        ("data", "Data", _sheets(content)),
        ("items", "Items and shards", "".join(_dataset(summary, content) for summary in content.datasets)),
        ("time", "Wall time", _times(content.times)),
        ("settings", "Settings", _settings(content)),
        ("provenance", "Provenance", html.table((), content.provenance, plain=True)),
    ]
    name = html.text(content.benchmark.name)
    links = "".join(f'<a href="#{key}">{heading}</a> ' for key, heading, _ in sections)
    body = "".join(f'<section id="{key}"><h2>{heading}</h2>{inner}</section>\n' for key, heading, inner in sections)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{name}</title><style>{html.STYLE}</style></head>\n<body><h1>Benchmark {name}</h1>"
        f"<p>{_summary(content)}</p><nav>{links}</nav>\n{body}</body></html>\n"
    )


def _summary(content: Content) -> str:
    source, target = content.datasets
    words = (
        f"{source.items} labelled photographs ({source.name}) to {target.items} videos ({target.name}), "
        f"{len(content.benchmark.classes)} shared classes."
    )
    if is_labelled(content.methods):
        words += " The videos' labels serve the accuracy told here and nothing else. Every number is of the last epoch."
    return html.text(words)


def _results(content: Content) -> str:
    classes = list(content.benchmark.classes)
    if not is_labelled(content.methods):
        return f"<p>{NO_LABELS}</p>" + html.table(*count_rows(content.methods, classes))
    note = f"Accuracy on the target in per cent{seeds_note(content.methods)}; marked is the classifier's own answer."
    parts = [html.table(*accuracy_rows(content.methods)), f"<p class=note>{html.text(note)}</p>"]
    parts.append(html.picture(content.accuracy, "Accuracy of each stream and of both together."))
    return "".join(parts)


def _confusions(content: Content) -> str:
    captions = {
        method.name: f"{method.title}: rows are true classes, numbers are videos." for method in content.methods
    }
    if not is_labelled(content.methods):
        captions = {method.name: f"{method.title}: videos given to each class." for method in content.methods}
    return (
        f"<div class=row>{''.join(html.picture(png, captions[name]) for name, png in content.confusions.items())}</div>"
    )


def _sheets(content: Content) -> str:
    return "".join(html.picture(content.sheets[name], caption, True) for name, caption in SHEETS.items())


def _dataset(summary: DatasetSummary, content: Content) -> str:
    classes = [*content.benchmark.classes, "no label"]
    counts = [(name, str(count)) for name, count in zip(classes, summary.class_counts, strict=True) if count]
    expected = ""
    if summary.expected is not None:
        missing = summary.expected - summary.items
        expected = f", {summary.expected} expected" + (
            f": {abs(missing)} too {'few' if missing > 0 else 'many'}" if missing else ""
        )
    excluded = [(reason, str(count)) for reason, count in summary.excluded.items()] or [("nothing", "")]
    parts = [
        f"<h3>{html.text(summary.name)}: {summary.items} items{expected}</h3><div class=row>",
        html.table(("class", "items"), counts),
        html.table(("left out", "items"), excluded),
        "</div>",
        html.table(("stage", "shards", "items", "frames", "MB", "clipped", "failed"), _stage_rows(summary)),
        _failures(summary),
    ]
    return "".join(parts)


def _stage_rows(summary: DatasetSummary) -> list[list[str]]:
    rows = []
    for stage in summary.stages:
        clipped = ""
        if stage.clipped_overall is not None:
            clipped = f"{100 * stage.clipped_overall:.3f} %"
            if len(stage.clipped) > 1:
                clipped += f" (shards {100 * min(stage.clipped):.3f} to {100 * max(stage.clipped):.3f})"
        counts = (stage.shards, stage.items, stage.frames)
        rows.append(
            [stage.name, *map(str, counts), f"{stage.megabytes:.1f}", clipped, str(len(stage.failures))],
        )
    return rows


def _failures(summary: DatasetSummary) -> str:
    failures = [f"{stage.name}: {name}: {reason}" for stage in summary.stages for name, reason in stage.failures]
    if not failures:
        return ""
    more = [f"and {len(failures) - _MOST_FAILURES} more"] if len(failures) > _MOST_FAILURES else []
    return html.folded(f"{len(failures)} failures", "\n".join([*failures[:_MOST_FAILURES], *more]))


def _times(times: Sequence[RuleTime]) -> str:
    if not times:
        return "<p>Nothing was measured: the stages were run by hand.</p>"
    rows = [
        [row.rule, str(row.jobs), duration(row.total), duration(row.longest), f"{row.memory:.0f}" if row.memory else ""]
        for row in times
    ]
    note = (
        "Sum over the jobs of each rule, of all benchmarks in the same results folder; jobs may have run side by side."
    )
    header = ("rule", "jobs", "total", "longest job", "memory, MB")
    return html.table(header, rows) + f"<p class=note>{html.text(note)}</p>"


def _settings(content: Content) -> str:
    methods = content.methods
    rows = differences(methods)
    parts = []
    if rows:
        parts.append("<p>What the methods differ in:</p>")
        parts.append(html.table(("setting", *(method.title for method in methods)), rows, plain=True))
    for method in methods:
        parts.append(
            html.folded(
                f"All settings of {method.title}, seed {method.runs[0].seed}", run_document(method.runs[0].settings)
            )
        )
    stages = {summary.name: {stage.name: stage.settings for stage in summary.stages} for summary in content.datasets}
    parts.append(html.folded("All settings of the data", plain_yaml(stages)))
    return "".join(parts)

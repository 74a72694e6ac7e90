"""Makes a benchmark's report: tables, figures, contact sheets and the page."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from i2vadapt import __version__
from i2vadapt.config.documents import Benchmark, load_benchmark
from i2vadapt.config.published import Published, load_published
from i2vadapt.errors import UserError
from i2vadapt.files.atomic import write_atomically
from i2vadapt.layout import ReportFolder, Results
from i2vadapt.report import budget, comparison, tables
from i2vadapt.report.bank_figure import bank_figure
from i2vadapt.report.class_figure import class_figure
from i2vadapt.report.clips import make_clips
from i2vadapt.report.curves import curves_figure
from i2vadapt.report.datasets import existing_shards, summarise_dataset
from i2vadapt.report.disk import describe_superseded, stored_files
from i2vadapt.report.experiments.features import project_method
from i2vadapt.report.experiments.features_figure import features_figure
from i2vadapt.report.figures import accuracy_figure, confusion_figure
from i2vadapt.report.mistakes import choose_videos
from i2vadapt.report.options import refuse_repeated
from i2vadapt.report.pace_figure import pace_figure
from i2vadapt.report.page import Content, build_page
from i2vadapt.report.runs import Method, distinct_runs, load_methods
from i2vadapt.report.sheets import flow_sheet, generated_sheet, photographs_sheet
from i2vadapt.report.teachers import teachers_figure
from i2vadapt.report.times import job_time_files, rule_times
from i2vadapt.stages import KINDS


def make_report(
    benchmark_file: Path,
    results: Results,
    names: Sequence[str],
    seeds: Sequence[int],
    out: ReportFolder,
    published_file: Path | None = None,
    features: Sequence[str] = (),
) -> str:
    """Writes report.html, accuracy.{csv,md,tex}, the figures and contact sheets as PNG, each file atomically.

    Args:
        benchmark_file: the benchmark.
        results: folder of everything that is made.
        names: methods, in the order of the table.
        seeds: of each method.
        out: folder of the report.
        published_file: accuracies to compare with, published.yaml; None: none.
        features: those of the methods whose features are drawn, of the first seed.

    Returns:
        The table of accuracies as text.

    Raises:
        UserError: if a method, a run, a shard or features are missing, damaged or of other classes, or a name or seed
            is repeated.
    """
    refuse_repeated({"--methods": names, "--seeds": seeds, "--features": features})
    others = [name for name in features if name not in names]
    if others:
        raise UserError(f"--features: {', '.join(others)} must be among the methods {', '.join(names)}")
    benchmark = load_benchmark(benchmark_file)
    classes = list(benchmark.classes)
    methods = load_methods(results, benchmark.name, names, seeds, classes)
    published = load_published(published_file) if published_file is not None else None
    content = _make_content(benchmark, results, methods, published, features)
    for path, data in _files(content, results, out).items():
        write_atomically(path, data)
    return tables.to_text(content.table)


def _files(content: Content, results: Results, out: ReportFolder) -> dict[Path, bytes]:
    """Everything that is written, the page last."""
    methods, classes = content.methods, list(content.benchmark.classes)
    return {
        out.table("csv"): tables.to_csv(methods).encode(),
        out.table("md"): tables.to_markdown(content.table).encode(),
        out.table("tex"): tables.to_latex(content.table).encode(),
        out.comparison("csv"): content.comparison.to_csv(index=False, lineterminator="\n").encode(),
        out.comparison("md"): comparison.to_markdown(content.comparison).encode(),
        out.figure("confusion"): confusion_figure(methods, classes),
        **{out.figure(f"confusion_{name}"): png for name, png in content.confusions.items()},
        **{out.figure(f"bank_{name}"): png for name, png in content.banks.items()},
        **{out.figure(name): png for name, png in content.figures.items()},
        **{out.figure(name): png for name, png in content.sheets.items()},
        out.page: _build_page(content, results, classes).encode(),
    }


def _build_page(content: Content, results: Results, classes: Sequence[str]) -> str:
    """The page, with as many clips as fit beside all the rest."""
    target = results.dataset(content.benchmark.target.dataset)
    groups = choose_videos(content.methods[-1].evaluations[0], classes)
    room = budget.PAGE - len(build_page(content).encode())
    return build_page(replace(content, clips=make_clips(target, groups, min(room, budget.CLIPS))))


def _make_content(
    benchmark: Benchmark,
    results: Results,
    methods: Sequence[Method],
    published: Published | None,
    features: Sequence[str],
) -> Content:
    classes = list(benchmark.classes)
    source, target = (results.dataset(side.dataset) for side in (benchmark.source, benchmark.target))
    sheets = {
        "photographs": photographs_sheet(source, classes),
        "generated": generated_sheet(source, classes),
        "flow_source": flow_sheet(source, classes, "generated videos and their flow"),
        "flow_target": flow_sheet(target, classes, "target videos and their flow"),
    }
    runs = [seeds[0] for seeds in distinct_runs(methods).values()]
    seed, titles = methods[0].evaluations[0].seed, {method.name: method.title for method in methods}
    projections = [project_method(results, benchmark, name, titles[name], seed) for name in features]
    figures = {
        "accuracy": accuracy_figure(methods, classes),
        "classes": class_figure(methods, classes),
        "curves": curves_figure(methods),
        "teachers": teachers_figure(results, benchmark.name, methods),
        "pace": pace_figure(runs),
        "features": features_figure(projections, 2) if projections else None,
    }
    banks = {run.name: bank_figure(run, classes) for run in runs}
    return Content(
        benchmark,
        methods,
        tables.make_table(methods, classes),
        comparison.compare(results, benchmark.name, methods, published),
        (
            summarise_dataset(benchmark.source, source, classes),
            summarise_dataset(benchmark.target, target, classes),
        ),
        rule_times(results),
        stored_files(results),
        describe_superseded(results),
        {name: png for name, png in figures.items() if png is not None},
        {method.name: confusion_figure([method], classes) for method in methods},
        {name: png for name, png in banks.items() if png is not None},
        sheets,
        _provenance(benchmark, results, methods),
    )


def _provenance(benchmark: Benchmark, results: Results, methods: Sequence[Method]) -> list[tuple[str, str]]:
    """Versions, and the time of the newest input: not the current time, so that the same inputs give the same page."""
    newest = max(path.stat().st_mtime for path in _inputs(benchmark, results, methods))
    runs = distinct_runs(methods)
    trained = sorted({str(run.settings.get("package", "unknown")) for seeds in runs.values() for run in seeds})
    seeds = ", ".join(str(evaluation.seed) for evaluation in methods[0].evaluations)
    return [
        ("report made by", f"i2vadapt {__version__}"),
        ("runs trained by", ", ".join(f"i2vadapt {version}" for version in trained)),
        ("torch", importlib.metadata.version("torch")),
        ("newest input", f"{datetime.fromtimestamp(newest, UTC):%Y-%m-%d %H:%M} UTC"),
        ("methods", ", ".join(method.name for method in methods)),
        ("runs", ", ".join(runs)),
        ("seeds", seeds),
    ]


def _inputs(benchmark: Benchmark, results: Results, methods: Sequence[Method]) -> Iterable[Path]:
    for method in methods:
        for evaluation in method.evaluations:
            fused = results.method(benchmark.name, method.name, evaluation.seed)
            yield from (fused.predictions, fused.description)
            for run in evaluation.runs:
                yield from (run.folder.metrics, run.folder.settings, run.folder.scores_index)
    for side in (benchmark.source, benchmark.target):
        folder = results.dataset(side.dataset)
        yield from (folder.manifest, folder.excluded)
        for kind in KINDS:
            yield from existing_shards(folder, kind)
    yield from job_time_files(results)

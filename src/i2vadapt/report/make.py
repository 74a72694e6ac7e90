"""Makes a benchmark's report: tables, figures, contact sheets and the page."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from i2vadapt import __version__
from i2vadapt.config.documents import Benchmark, load_benchmark
from i2vadapt.files.atomic import write_atomically
from i2vadapt.report import tables
from i2vadapt.report.curves import curves_figure
from i2vadapt.report.datasets import STAGES, dataset_folder, stage_paths, summarise_dataset
from i2vadapt.report.figures import accuracy_figure, confusion_figure
from i2vadapt.report.page import Content, build_page
from i2vadapt.report.runs import METRICS, PREDICTIONS, SETTINGS, Method, load_method, run_folder
from i2vadapt.report.sheets import flow_sheet, generated_sheet, photographs_sheet
from i2vadapt.report.times import benchmark_files, rule_times


def make_report(benchmark_file: Path, results: Path, names: Sequence[str], seeds: Sequence[int], out: Path) -> str:
    """Writes report.html, accuracy.{csv,md,tex}, the figures and contact sheets as PNG, each file atomically.

    Args:
        benchmark_file: the benchmark.
        results: folder of everything that is made.
        names: methods, in the order of the table.
        seeds: runs of each method.
        out: folder of the report.

    Returns:
        The table of accuracies as text.

    Raises:
        UserError: if a run or a shard is missing or damaged.
    """
    benchmark = load_benchmark(benchmark_file)
    classes = list(benchmark.classes)
    methods = [load_method(results, benchmark.name, name, seeds, classes) for name in names]
    content = _content(benchmark, results, methods, seeds)
    text = tables.accuracy_text(methods, classes)
    files = {
        "accuracy.csv": tables.accuracy_csv(methods).encode(),
        "accuracy.md": tables.accuracy_markdown(methods, classes).encode(),
        "accuracy.tex": tables.accuracy_latex(methods, classes).encode(),
        "curves.png": content.curves,
        "accuracy.png": content.accuracy,
        "confusion.png": confusion_figure(methods, classes),
        **{f"confusion_{name}.png": png for name, png in content.confusions.items()},
        **{f"{name}.png": png for name, png in content.sheets.items()},
        "report.html": build_page(content).encode(),
    }
    for name, data in files.items():
        write_atomically(out / name, data)
    return text


def _content(benchmark: Benchmark, results: Path, methods: Sequence[Method], seeds: Sequence[int]) -> Content:
    classes = list(benchmark.classes)
    source, target = (dataset_folder(results, side.dataset) for side in (benchmark.source, benchmark.target))
    sheets = {
        "photographs": photographs_sheet(source, classes),
        "generated": generated_sheet(source, classes),
        "flow_source": flow_sheet(source, classes, "generated videos and their flow"),
        "flow_target": flow_sheet(target, classes, "target videos and their flow"),
    }
    return Content(
        benchmark,
        methods,
        (
            summarise_dataset(benchmark.source, results, len(classes)),
            summarise_dataset(benchmark.target, results, len(classes)),
        ),
        rule_times(results),
        accuracy_figure(methods, classes),
        {method.name: confusion_figure([method], classes) for method in methods},
        curves_figure(methods),
        sheets,
        _provenance(benchmark, results, methods, seeds),
    )


def _provenance(
    benchmark: Benchmark, results: Path, methods: Sequence[Method], seeds: Sequence[int]
) -> list[tuple[str, str]]:
    """Versions and the time of the newest input: not the time of day, so that the same inputs give the same page."""
    inputs = list(_inputs(benchmark, results, methods, seeds))
    newest = datetime.fromtimestamp(max(path.stat().st_mtime for path in inputs), UTC)
    trained = sorted({str(run.settings.get("package", "unknown")) for method in methods for run in method.runs})
    return [
        ("i2vadapt", __version__),
        ("i2vadapt that trained", ", ".join(trained)),
        ("torch", importlib.metadata.version("torch")),
        ("newest input", f"{newest:%Y-%m-%d %H:%M} UTC"),
        ("runs", f"{len(methods)} methods with seeds {', '.join(map(str, seeds))}"),
    ]


def _inputs(benchmark: Benchmark, results: Path, methods: Sequence[Method], seeds: Sequence[int]) -> Iterable[Path]:
    for method in methods:
        for seed in seeds:
            folder = run_folder(results, benchmark.name, method.name, seed)
            yield from (folder / name for name in (METRICS, PREDICTIONS, SETTINGS))
    for side in (benchmark.source, benchmark.target):
        folder = dataset_folder(results, side.dataset)
        yield from (folder / "manifest.csv", folder / "excluded.csv")
        for stage in STAGES:
            yield from stage_paths(folder, stage)
    yield from benchmark_files(results)

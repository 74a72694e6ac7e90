"""Makes a table or figure of workflow/experiments from what has been trained so far."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from i2vadapt.config.documents import Benchmark, load_benchmark
from i2vadapt.config.experiments import Experiment
from i2vadapt.config.methods import MethodsTable, load_methods
from i2vadapt.config.parsing import parse_file, raise_problems
from i2vadapt.config.published import Published, load_published
from i2vadapt.errors import UserError
from i2vadapt.files.atomic import write_atomically
from i2vadapt.layout import ExperimentFolder, Results
from i2vadapt.report.experiments import features, sweeps, table
from i2vadapt.report.experiments.features_figure import features_figure
from i2vadapt.report.experiments.sweeps_figure import sweeps_figure
from i2vadapt.report.experiments.table_figure import table_figure
from i2vadapt.report.options import refuse_repeated


def make_experiment(
    file: Path,
    methods_file: Path,
    published_file: Path | None,
    benchmark_files: Sequence[Path],
    seeds: Sequence[int],
    results: Results,
    out: Path,
) -> str:
    """Writes <name>.{csv,md,png}, and .tex of a table, where <name> is that of the experiment's file; each atomically.

    Methods that are not trained yet are told as such; features must be there.

    Args:
        file: the experiment.
        methods_file: methods.yaml, for the titles.
        published_file: accuracies to compare with, published.yaml; None: none.
        benchmark_files: benchmarks, in the order of the columns.
        seeds: of every method; features are those of the first.
        results: folder of everything that is made.
        out: folder to write to.

    Returns:
        The experiment in Markdown.

    Raises:
        UserError: if a method is unknown, features are missing, a file is malformed or of other classes, or a seed or
            benchmark is repeated.
    """
    benchmarks = [load_benchmark(path) for path in benchmark_files]
    refuse_repeated({"--seeds": seeds, "--benchmarks": [benchmark.name for benchmark in benchmarks]})
    experiment, methods = parse_file(Experiment, file), load_methods(methods_file)
    _check_methods(file, experiment, methods)
    published = load_published(published_file) if published_file is not None else None
    folder = ExperimentFolder(out, file.stem)
    contents = _render(experiment, methods, published, benchmarks, seeds, results)
    for suffix in experiment.suffixes:
        write_atomically(folder.file(suffix), contents[suffix])
    return contents["md"].decode()


def _check_methods(file: Path, experiment: Experiment, methods: MethodsTable) -> None:
    problems = []
    for name in (*experiment.all_methods(), *(sweep.method for sweep in experiment.sweeps)):
        try:
            methods.method(name)
        except UserError as error:
            problems.append(f"{file}: {error}")
    raise_problems(list(dict.fromkeys(problems)))


def _render(
    experiment: Experiment,
    methods: MethodsTable,
    published: Published | None,
    benchmarks: Sequence[Benchmark],
    seeds: Sequence[int],
    results: Results,
) -> dict[str, bytes]:
    """Content of the files by suffix."""
    if experiment.methods:
        rows = table.collect_table(experiment, methods, published, benchmarks, seeds, results)
        return {
            "csv": table.to_csv(rows).encode(),
            "md": table.to_markdown(rows).encode(),
            "tex": table.to_latex(rows).encode(),
            "png": table_figure(rows),
        }
    if experiment.sweeps:
        panels = sweeps.collect_sweeps(experiment, methods, benchmarks, seeds, results)
        return {
            "csv": sweeps.to_csv(panels).encode(),
            "md": sweeps.to_markdown(experiment, panels, seeds).encode(),
            "png": sweeps_figure(experiment, panels),
        }
    projections = features.collect_projections(experiment, methods, benchmarks, seeds[0], results)
    return {
        "csv": features.to_csv(projections).encode("utf-8", "surrogateescape"),
        "md": features.to_markdown(experiment, projections).encode(),
        "png": features_figure(projections, len(experiment.features), experiment.title),
    }

"""What the jobs of the workflow need: files, settings and options, as pure functions that the rules ask.

Imports only what Snakemake's own environment has.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from i2vadapt import stages
from i2vadapt.config.documents import DatasetSpec
from i2vadapt.config.resolve import Dataset, ResolvedBenchmark
from i2vadapt.config.run import RunSettings
from i2vadapt.config.settings import Settings
from i2vadapt.layout import Results
from i2vadapt.stages import Kind, Side, Stage

_PACKAGE = Path(__file__).parents[1]


def datasets_of_side(datasets: Mapping[str, Dataset], side: Side) -> str:
    """Pattern that matches the names of the datasets on one side, for a wildcard constraint."""
    return "|".join(re.escape(name) for name, dataset in datasets.items() if dataset.side == side)


def shards(results: Results, spec: DatasetSpec, kind: Kind) -> list[Path]:
    """All shards of one kind of a dataset."""
    return results.dataset(spec.dataset).shards(kind, spec.shards)


def stage_settings(stage: Stage, side: Side, settings: Settings) -> str:
    """Settings of a preprocessing stage on one side of a benchmark, as JSON.

    Real videos have no flow but TV-L1, whatever generated ones get.
    """
    section = getattr(settings, stage.settings)
    if stage is stages.FLOW and side == "target":
        section = section.model_copy(update={"source": "tvl1"})
    return str(section.model_dump_json())


def has_exact_flow(side: Side, settings: Settings) -> bool:
    """Whether flow follows from depth and camera motion, which generated videos alone have."""
    return side == "source" and settings.flow.source == "geometric"


def depth_for_flow(dataset: Dataset, shard: str, results: Results) -> list[Path]:
    """The shard of depth that exact flow is computed from; none for TV-L1."""
    exact = has_exact_flow(dataset.side, dataset.settings)
    return [results.dataset(dataset.spec.dataset).shard("depth", shard)] if exact else []


def published_depth_weights(model: str) -> Path:
    """Where the published weights of a depth network are downloaded to."""
    return Path("weights", f"{model}.pt")


def ships_with_package(model: str) -> bool:
    """Whether a depth network has weights in the package; asked of the files, as importing the networks takes long."""
    return (_PACKAGE / "depth" / "weights" / f"{model}.safetensors").exists()


def depth_checkpoint(dataset: Dataset) -> list[Path]:
    """File of the depth network's weights; none where they come with the package."""
    depth = dataset.settings.depth
    if depth.checkpoint:
        return [Path(depth.checkpoint)]
    return [] if ships_with_package(depth.model) else [published_depth_weights(depth.model)]


def missing_depth_weights(datasets: Iterable[Dataset]) -> list[str]:
    """Depth networks whose published weights are wanted and not here yet."""
    wanted = {
        dataset.settings.depth.model
        for dataset in datasets
        if dataset.side == "source" and not dataset.settings.depth.checkpoint
    }
    return sorted(
        model for model in wanted if not ships_with_package(model) and not published_depth_weights(model).exists()
    )


def kinds_read(settings: RunSettings) -> tuple[Kind, ...]:
    """Kinds of shards that a run reads."""
    return ("frames", "flow") if settings.stream == "flow" else ("frames",)


def train_inputs(part: ResolvedBenchmark, run: str, seed: int | str, results: Results) -> dict[str, list[Path]]:
    """Files that a run reads, by the name of the rule's input.

    Args:
        part: the benchmark.
        run: name of the run.
        seed: of the run.
        results: the results folder.
    """
    settings, benchmark = part.runs[run], part.benchmark
    specs = [benchmark.source, benchmark.target] if settings.reads_source else [benchmark.target]
    return {
        "shards": [path for spec in specs for kind in kinds_read(settings) for path in shards(results, spec, kind)],
        "manifests": [results.dataset(spec.dataset).manifest for spec in specs],
        "weights": [Path(file) for file in settings.initial_weights],
        "scores": _score_tables(part, settings.parents, seed, results),
    }


def train_options(part: ResolvedBenchmark, run: str, seed: int | str, results: Results) -> list[str]:
    """What a run is trained on and with: options of the command train, but for its seed and its folder."""
    settings, benchmark = part.runs[run], part.benchmark
    source, target = (results.dataset(spec.dataset).path for spec in (benchmark.source, benchmark.target))
    folders = {parent: results.run(benchmark.name, parent, seed).path for parent in settings.parents}
    parents = ["--parents", *(f"{parent}={folder}" for parent, folder in folders.items())] if folders else []
    data = ["--source", str(source), "--target", str(target), "--classes", *benchmark.classes]
    return [*data, "--settings", settings.model_dump_json(), *parents]


def fuse_inputs(part: ResolvedBenchmark, method: str, seed: int | str, results: Results) -> list[Path]:
    """Score tables of the runs that a method fuses."""
    return _score_tables(part, part.methods[method].fuse, seed, results)


def fuse_options(part: ResolvedBenchmark, method: str, seed: int | str, results: Results) -> list[str]:
    """What a method adds up, and its title: options of the command fuse, but for its folder."""
    spec = part.methods[method]
    folders = [str(results.run(part.benchmark.name, run, seed).path) for run in spec.fuse]
    return ["--runs", *folders, "--title", spec.title]


def _score_tables(part: ResolvedBenchmark, runs: Iterable[str], seed: int | str, results: Results) -> list[Path]:
    return [results.run(part.benchmark.name, run, seed).scores_index for run in runs]


def report_inputs(part: ResolvedBenchmark, seeds: Sequence[int], results: Results) -> dict[str, list[Path]]:
    """Files that the report of a benchmark reads, by the name of the rule's input."""
    name, benchmark = part.benchmark.name, part.benchmark
    methods = [results.method(name, method, seed) for method in part.methods for seed in seeds]
    runs = [results.run(name, run, seed) for run in part.runs for seed in seeds]
    has_flow = any("flow" in kinds_read(settings) for settings in part.runs.values())
    specs = [benchmark.source, benchmark.target] if has_flow else []
    return {
        "predictions": [method.predictions for method in methods],
        "methods": [method.description for method in methods],
        "metrics": [run.metrics for run in runs],
        "settings": [run.settings for run in runs],
        "scores": [run.scores_index for run in runs],
        "flow": [path for spec in specs for path in shards(results, spec, "flow")],
    }


def all_outputs(
    benchmarks: Iterable[ResolvedBenchmark], datasets: Iterable[Dataset], seeds: Sequence[int], results: Results
) -> set[Path]:
    """Everything that the workflow makes below the results folder, but for logs, times and item tables."""
    found: set[Path] = set()
    for dataset in datasets:
        folder = results.dataset(dataset.spec.dataset)
        found.add(folder.manifest)
        kinds = {stage.kind for stage in stages.preprocessing(dataset.side) if stage.kind}
        found.update(path for kind in kinds for path in folder.shards(kind, dataset.spec.shards))
    for part in benchmarks:
        name = part.benchmark.name
        found.update(results.run(name, run, seed).checkpoint for run in part.runs for seed in seeds)
        found.update(results.method(name, method, seed).predictions for method in part.methods for seed in seeds)
        found.add(results.report(name).page)
    return found


def task_launcher(nodes: int, threads: int) -> str:
    """What starts one task of a training on each of several nodes; empty on one node.

    With the resource mpi, Snakemake's SLURM plugin leaves this to the rule.
    """
    return f"srun --nodes={nodes} --ntasks={nodes} --cpus-per-task={threads}" if nodes > 1 else ""

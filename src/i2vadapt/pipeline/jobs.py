"""What the jobs of the workflow need: files, settings and options, as pure functions that the rules ask.

Imports only what Snakemake's own environment has.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from i2vadapt import stages
from i2vadapt.config.datasets import Dataset, crops_dataset
from i2vadapt.config.documents import DatasetSpec
from i2vadapt.config.experiments import Experiment
from i2vadapt.config.networks import FRAME_NETWORKS
from i2vadapt.config.resolved import ResolvedBenchmark
from i2vadapt.config.run import RunSettings, SourceItems, TrainingSettings
from i2vadapt.config.settings import Settings
from i2vadapt.errors import UserError
from i2vadapt.layout import Results
from i2vadapt.stages import Branch, Kind, Stage

_PACKAGE = Path(__file__).parents[1]


def datasets_with(stage: Stage, datasets: Mapping[str, Dataset]) -> str:
    """Pattern that matches the names of the datasets that have a stage, for a wildcard constraint."""
    names = [re.escape(name) for name, dataset in datasets.items() if dataset.branch in stage.branches]
    return "|".join(names) or "none"


def shards(results: Results, spec: DatasetSpec, kind: Kind) -> list[Path]:
    """All shards of one kind of a dataset."""
    return results.dataset(spec.dataset).shards(kind, spec.shards)


def read_datasets(benchmarks: Iterable[ResolvedBenchmark], datasets: Mapping[str, Dataset]) -> list[Dataset]:
    """The datasets that the chosen methods read: photographs are cropped only where a run needs it."""
    cropped = {
        crops_dataset(part.benchmark.name)
        for part in benchmarks
        if any(settings.crop_classifier is not None for settings in part.runs.values())
    }
    return [dataset for name, dataset in datasets.items() if dataset.crops is None or name in cropped]


def last_shards(results: Results, dataset: Dataset) -> list[Path]:
    """The shards that preprocessing ends with: flow, or the frames of crops, whose flow no method reads."""
    return shards(results, dataset.spec, "frames" if dataset.branch == "crops" else "flow")


def stage_settings(stage: Stage, branch: Branch, settings: Settings) -> str:
    """Settings of a preprocessing stage in one branch, as JSON.

    Real videos and crops have no flow but TV-L1, whatever videos by camera motion get.
    """
    section = getattr(settings, stage.settings)
    if stage is stages.FLOW and branch != "source":
        section = section.model_copy(update={"source": "tvl1"})
    return str(section.model_dump_json())


def has_exact_flow(branch: Branch, settings: Settings) -> bool:
    """Whether flow follows from depth and camera motion, which videos by camera motion alone have."""
    return branch == "source" and settings.flow.source == "geometric"


def depth_for_flow(dataset: Dataset, shard: str, results: Results) -> list[Path]:
    """The shard of depth that exact flow is computed from; none for TV-L1."""
    exact = has_exact_flow(dataset.branch, dataset.settings)
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
        if dataset.branch == "source" and not dataset.settings.depth.checkpoint
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
    settings, benchmark = part.run(run), part.benchmark
    if settings.feature_runs:
        features = [results.features(benchmark.name, name, seed) for name in settings.feature_runs]
        return {"features": features, "scores": []}
    return {
        **_data_inputs(part, settings, results, settings.source_items),
        "weights": [Path(file) for file in settings.initial_weights],
        "scores": _score_tables(part, settings.parents, seed, results),
    }


def _data_inputs(
    part: ResolvedBenchmark, settings: RunSettings, results: Results, source: SourceItems
) -> dict[str, list[Path]]:
    """Shards and manifests that are read of the target and, as photographs or videos, of the source."""
    benchmark = part.benchmark
    sides = [source_spec(part, settings), benchmark.target] if source == "videos" else [benchmark.target]
    listed = [benchmark.source, *sides] if source == "photographs" else sides
    return {
        "shards": [path for spec in sides for kind in kinds_read(settings) for path in shards(results, spec, kind)],
        "manifests": [results.dataset(spec.dataset).manifest for spec in listed],
    }


def source_spec(part: ResolvedBenchmark, settings: RunSettings) -> DatasetSpec:
    """The dataset of the source that a run reads: that of the benchmark file, or its photographs cropped to videos."""
    spec = part.benchmark.source
    if settings.crop_classifier is None:
        return spec
    return spec.model_copy(update={"dataset": crops_dataset(part.benchmark.name)})


def crop_classifier(dataset: Dataset, results: Results) -> list[Path]:
    """Checkpoint of the classifier by which photographs are cropped; none for other datasets.

    It is always that of seed 0: like videos by camera motion, crops are the same for all seeds.
    """
    return [results.run(*dataset.crops, 0).checkpoint] if dataset.crops is not None else []


def train_options(part: ResolvedBenchmark, run: str, seed: int | str, results: Results) -> list[str]:
    """What a run is trained on and with: options of the command train, but for its seed and its folder."""
    settings, benchmark = part.run(run), part.benchmark
    specs = (source_spec(part, settings), benchmark.target)
    source, target = (results.dataset(spec.dataset).path for spec in specs)
    scored = dict.fromkeys((*settings.partners, *settings.teachers))
    parents = [f"{name}={results.run(benchmark.name, name, seed).path}" for name in scored]
    features = [f"{name}={results.features(benchmark.name, name, seed)}" for name in settings.feature_runs]
    data = ["--source", str(source), "--target", str(target), "--classes", *benchmark.classes]
    options = [*data, "--settings", settings.model_dump_json()]
    return [*options, *(["--parents", *parents] if parents else []), *(["--features", *features] if features else [])]


def features_inputs(part: ResolvedBenchmark, run: str, seed: int | str, results: Results) -> dict[str, list[Path]]:
    """Files from which the features of a run are computed, by the name of the rule's input."""
    return {
        "checkpoint": [results.run(part.benchmark.name, run, seed).checkpoint],
        **_data_inputs(part, part.run(run), results, "photographs" if _reads_photographs(part.run(run)) else "none"),
    }


def _reads_photographs(settings: RunSettings) -> bool:
    return isinstance(settings, TrainingSettings) and settings.network in FRAME_NETWORKS


def features_options(part: ResolvedBenchmark, run: str, seed: int | str, results: Results) -> list[str]:
    """Run and data of the command features; only networks of single frames get the source, as photographs."""
    benchmark = part.benchmark
    options = ["--run", str(results.run(benchmark.name, run, seed).path)]
    if _reads_photographs(part.run(run)):
        options += ["--source", str(results.dataset(benchmark.source.dataset).path)]
    return [*options, "--target", str(results.dataset(benchmark.target.dataset).path)]


def video_features_inputs(
    part: ResolvedBenchmark, run: str, seed: int | str, results: Results
) -> dict[str, list[Path]]:
    """Files from which the features of generated and real videos are computed, by the name of the rule's input."""
    return {
        "checkpoint": [results.run(part.benchmark.name, run, seed).checkpoint],
        **_data_inputs(part, part.run(run), results, "photographs" if _reads_photographs(part.run(run)) else "videos"),
    }


def video_features_options(part: ResolvedBenchmark, run: str, seed: int | str, results: Results) -> list[str]:
    """Run and data of the command features: the source as the run has seen it, and the target."""
    benchmark = part.benchmark
    source, target = (
        results.dataset(spec.dataset).path for spec in (source_spec(part, part.run(run)), benchmark.target)
    )
    folder = results.run(benchmark.name, run, seed).path
    return ["--run", str(folder), "--source", str(source), "--target", str(target)]


def fuse_inputs(part: ResolvedBenchmark, method: str, seed: int | str, results: Results) -> list[Path]:
    """Score tables of the runs that a method fuses."""
    return _score_tables(part, part.method(method).fuse, seed, results)


def fuse_options(part: ResolvedBenchmark, method: str, seed: int | str, results: Results) -> list[str]:
    """What a method adds up, and its title: options of the command fuse, but for its folder."""
    spec = part.method(method)
    folders = [str(results.run(part.benchmark.name, run, seed).path) for run in spec.fuse]
    origin = ["--origin", spec.origin] if spec.origin else []
    return ["--runs", *folders, "--title", spec.title, *origin, "--weights", spec.weights]


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
        "features": drawn_features(part, part.drawn, seeds[0], results),
    }


def report_options(part: ResolvedBenchmark) -> list[str]:
    """Methods whose features the report draws: options of the command report."""
    return ["--features", *part.drawn] if part.drawn else []


def drawn_features(part: ResolvedBenchmark, methods: Iterable[str], seed: int | str, results: Results) -> list[Path]:
    """Features of generated and real videos by the networks that some methods fuse, each once.

    Raises:
        UserError: if a method trains no network.
    """
    fused = {run: method for method in methods for run in part.method(method).fuse}
    for run, method in fused.items():
        if not isinstance(part.run(run), TrainingSettings):
            raise UserError(f"features of {method}: only methods that train networks have features")
    return [results.video_features(part.benchmark.name, run, seed) for run in fused]


def experiment_inputs(
    experiment: Experiment, benchmarks: Iterable[ResolvedBenchmark], seeds: Sequence[int], results: Results
) -> dict[str, list[Path]]:
    """Files that a table or figure is made from, by the name of the rule's input.

    Raises:
        UserError: if the runs of a method have wrong settings, or do not fit together.
    """
    found: dict[str, list[Path]] = {"predictions": [], "features": []}
    for part in benchmarks:
        name = part.benchmark.name
        part.runs_of(experiment.all_methods())  # all mistakes of their settings at once
        folders = [results.method(name, method, seed) for method in experiment.all_methods() for seed in seeds]
        found["predictions"] += [path for folder in folders for path in (folder.predictions, folder.description)]
        found["features"] += drawn_features(part, experiment.features, seeds[0], results)
    return found


def all_outputs(
    benchmarks: Iterable[ResolvedBenchmark], datasets: Iterable[Dataset], seeds: Sequence[int], results: Results
) -> set[Path]:
    """Everything that the workflow makes below the results folder, but for logs, times and item tables."""
    found: set[Path] = set()
    for dataset in datasets:
        folder = results.dataset(dataset.spec.dataset)
        found.add(folder.manifest)
        kinds = {stage.kind for stage in stages.preprocessing(dataset.branch) if stage.kind}
        found.update(path for kind in kinds for path in folder.shards(kind, dataset.spec.shards))
    for part in benchmarks:
        name = part.benchmark.name
        found.update(results.run(name, run, seed).checkpoint for run in part.runs for seed in seeds)
        read = {feature for settings in part.runs.values() for feature in settings.feature_runs}
        found.update(results.features(name, run, seed) for run in read for seed in seeds)
        found.update(drawn_features(part, part.drawn, seeds[0], results))
        found.update(results.method(name, method, seed).predictions for method in part.methods for seed in seeds)
        found.add(results.report(name).page)
    return found


def task_launcher(nodes: int, threads: int) -> str:
    """What starts one task of a training on each of several nodes; empty on one node.

    With the resource mpi, Snakemake's SLURM plugin leaves this to the rule.
    """
    return f"srun --nodes={nodes} --ntasks={nodes} --cpus-per-task={threads}" if nodes > 1 else ""

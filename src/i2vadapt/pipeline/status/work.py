"""The jobs of the workflow behind some methods, tables and figures, in the order in which they run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from i2vadapt import stages
from i2vadapt.config.datasets import Dataset, load_datasets
from i2vadapt.config.run import TrainingSettings
from i2vadapt.layout import Results, shard_name
from i2vadapt.pipeline import jobs
from i2vadapt.pipeline.targets import Targets, drawn_runs, seeds_of_runs

WEIGHTS = "weights"
"""Stage of the jobs that fetch published weights."""
_WEIGHT_LOGS = {"i3d-kinetics400-rgb": "i3d", "clip-vit-b32": "clip"}


@dataclass(frozen=True)
class Job:
    """A job of the workflow.

    Attributes:
        stage: name of its stage; `weights` for downloads.
        name: dataset; or benchmark, and run or method; or experiment.
        output: file that is there when the job is done, and not before.
        out: what its command gets as --out: the output, or its folder.
        log: its log.
        seed: seed of a run or method.
        shard: name of the shard that it makes.
        epochs: number of epochs of a training.
    """

    stage: str
    name: str
    output: Path
    out: Path
    log: Path
    seed: int | None = None
    shard: str = ""
    epochs: int | None = None


def list_jobs(targets: Targets, results: Results) -> list[Job]:
    """All jobs, each once: downloads, datasets, runs and their features, methods, reports or experiments.

    Args:
        targets: tables, figures and methods.
        results: the results folder.

    Raises:
        UserError: if the settings of a run or the definitions of a dataset are wrong.
    """
    parts = (_weights, _preprocessing, _runs, _features, _tables)
    return list(dict.fromkeys(job for part in parts for job in part(targets, results)))


def _inputs(targets: Targets, results: Results) -> set[Path]:
    """Shards and manifests that runs, features and reports read."""
    found: list[Path] = []
    for part in targets.benchmarks:
        seed = targets.seeds[0]
        for run, settings in part.runs.items():
            asked = [jobs.train_inputs(part, run, seed, results)]
            asked += [jobs.features_inputs(part, name, seed, results) for name in settings.feature_runs]
            found += [path for group in asked for kind in ("shards", "manifests") for path in group.get(kind, [])]
        if targets.reports:
            found += jobs.report_inputs(part, targets.seeds, results)["flow"]
        for run in drawn_runs(part, targets):
            found += jobs.video_features_inputs(part, run, seed, results)["shards"]
    return set(found)


def _preprocessing(targets: Targets, results: Results) -> Iterator[Job]:
    inputs = _inputs(targets, results)
    for name, dataset in load_datasets(targets.benchmarks).items():
        folder, needed = results.dataset(name), dict[str, bool]()
        for stage in reversed(stages.preprocessing(dataset.branch)):
            kind = str(stage.kind)
            read = not inputs.isdisjoint(folder.shards(kind, dataset.spec.shards))
            needed[kind] = read or needed.get(kind, False)
            if stage.reads is not None:
                needed[stage.reads] = needed[kind] or needed.get(stage.reads, False)
        if folder.manifest in inputs or any(needed.values()):
            log = results.log(stages.MANIFEST.name, name)
            yield Job(stages.MANIFEST.name, name, folder.manifest, folder.path, log)
        for stage in stages.preprocessing(dataset.branch):
            if needed[str(stage.kind)]:
                yield from _shards(results, dataset, stage)


def _shards(results: Results, dataset: Dataset, stage: stages.Stage) -> Iterator[Job]:
    name = dataset.spec.dataset
    for number in range(dataset.spec.shards):
        shard = shard_name(number)
        output = results.dataset(name).shard(str(stage.kind), shard)
        yield Job(stage.name, name, output, output, results.log(stage.name, f"{name}-{shard}"), shard=shard)


def _weights(targets: Targets, results: Results) -> Iterator[Job]:
    for dataset in jobs.read_datasets(targets.benchmarks, load_datasets(targets.benchmarks)):
        for file in jobs.depth_checkpoint(dataset) if dataset.branch == "source" else []:
            log = results.log("depth_weights", dataset.settings.depth.model)
            yield Job(WEIGHTS, str(file), file, file, log)
    for part in targets.benchmarks:
        for settings in part.runs.values():
            for file in map(Path, settings.initial_weights):
                log = results.log(WEIGHTS, _WEIGHT_LOGS.get(file.stem, file.stem))
                yield Job(WEIGHTS, str(file), file, file, log)


def _runs(targets: Targets, results: Results) -> Iterator[Job]:
    for part in targets.benchmarks:
        name = part.benchmark.name
        seeds = seeds_of_runs(part, part.chosen, targets.seeds)
        for run, settings in part.runs.items():
            for seed in targets.seeds if targets.reports else sorted(seeds[run]):  # a report reads all of them
                folder = results.run(name, run, seed)
                log = results.log(stages.TRAIN.name, f"{name}-{run}-{seed}")
                epochs = settings.epochs if isinstance(settings, TrainingSettings) else None
                yield Job(stages.TRAIN.name, f"{name}, {run}", folder.checkpoint, folder.path, log, seed, epochs=epochs)


def _features(targets: Targets, results: Results) -> Iterator[Job]:
    for part in targets.benchmarks:
        name = part.benchmark.name
        for run in dict.fromkeys(one for settings in part.runs.values() for one in settings.feature_runs):
            for seed in targets.seeds:
                file = results.features(name, run, seed)
                log = results.log("features", f"{name}-{run}-{seed}")
                yield Job(stages.FEATURES.name, f"{name}, {run}", file, file, log, seed)
        for run in drawn_runs(part, targets):
            seed = targets.seeds[0]
            file = results.video_features(name, run, seed)
            log = results.log("video_features", f"{name}-{run}-{seed}")
            yield Job(stages.FEATURES.name, f"{name}, {run}, videos", file, file, log, seed)


def _tables(targets: Targets, results: Results) -> Iterator[Job]:
    for part in targets.benchmarks:
        name = part.benchmark.name
        for method in part.methods:
            for seed in targets.seeds:
                folder = results.method(name, method, seed)
                log = results.log(stages.FUSE.name, f"{name}-{method}-{seed}")
                yield Job(stages.FUSE.name, f"{name}, {method}", folder.predictions, folder.path, log, seed)
        if targets.reports:
            report = results.report(name)
            yield Job(stages.REPORT.name, name, report.page, report.path, results.log(stages.REPORT.name, name))
    for name, experiment in targets.experiments.items():
        table = results.experiment(name, [part.benchmark.name for part in targets.benchmarks])
        output = table.file(experiment.suffixes[-1])
        yield Job(stages.EXPERIMENT.name, name, output, table.path, results.log(stages.EXPERIMENT.name, name))

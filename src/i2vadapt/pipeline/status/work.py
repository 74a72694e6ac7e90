"""The jobs of the workflow behind some methods, tables and figures, in the order in which they run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from i2vadapt import stages
from i2vadapt.config.datasets import Dataset, load_datasets
from i2vadapt.config.experiments import Experiment, base_of
from i2vadapt.config.resolved import ResolvedBenchmark
from i2vadapt.config.run import TrainingSettings
from i2vadapt.errors import UserError
from i2vadapt.layout import Results, shard_name
from i2vadapt.pipeline import jobs

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


@dataclass(frozen=True)
class Wanted:
    """What the workflow is asked for.

    Attributes:
        benchmarks: benchmarks with the methods that are asked for as the chosen ones.
        experiments: tables and figures, by name.
        reports: whether the reports of the benchmarks are asked for.
        seeds: seeds of all runs.
        results: the results folder.
    """

    benchmarks: Sequence[ResolvedBenchmark]
    experiments: Mapping[str, Experiment]
    reports: bool
    seeds: Sequence[int]
    results: Results


def choose(
    benchmarks: Sequence[ResolvedBenchmark],
    experiments: Mapping[str, Experiment],
    targets: Sequence[str],
    seeds: Sequence[int],
    results: Results,
) -> Wanted:
    """Finds what targets stand for.

    Args:
        benchmarks: benchmarks of the configuration.
        experiments: all tables and figures, by name.
        targets: names of experiments and methods; without any, the methods and reports of the configuration.
        seeds: seeds of all runs.
        results: the results folder.

    Raises:
        UserError: if there is no such experiment or method.
    """
    if not targets:
        return Wanted(benchmarks, {}, True, seeds, results)
    known = benchmarks[0].table.methods if benchmarks else {}
    for target in targets:
        if target not in experiments and base_of(target) not in known:
            raise UserError(
                f"{target}: no table, figure or method; there are {', '.join(experiments)} and the methods"
                f" {', '.join(known)}"
            )
    chosen = {name: experiments[name] for name in targets if name in experiments}
    methods = [name for target in targets for name in (chosen[target].all_methods() if target in chosen else [target])]
    parts = [replace(part, chosen=tuple(dict.fromkeys(methods))) for part in benchmarks]
    return Wanted(parts, chosen, False, seeds, results)


def list_jobs(wanted: Wanted) -> list[Job]:
    """All jobs, each once: downloads, datasets, runs and their features, methods, reports or experiments.

    Raises:
        UserError: if the settings of a run or the definitions of a dataset are wrong.
    """
    trained = [*_runs(wanted), *_features(wanted)]
    return list(dict.fromkeys([*_weights(wanted), *_preprocessing(wanted), *trained, *_tables(wanted)]))


def _inputs(wanted: Wanted) -> set[Path]:
    """Shards and manifests that runs, features and reports read."""
    found: list[Path] = []
    for part in wanted.benchmarks:
        seed, results = wanted.seeds[0], wanted.results
        for run, settings in part.runs.items():
            asked = [jobs.train_inputs(part, run, seed, results)]
            asked += [jobs.features_inputs(part, name, seed, results) for name in settings.feature_runs]
            found += [path for group in asked for kind in ("shards", "manifests") for path in group.get(kind, [])]
        if wanted.reports:
            found += jobs.report_inputs(part, wanted.seeds, results)["flow"]
        for run in _drawn_runs(wanted, part):
            found += jobs.video_features_inputs(part, run, seed, results)["shards"]
    return set(found)


def _preprocessing(wanted: Wanted) -> Iterator[Job]:
    inputs = _inputs(wanted)
    for name, dataset in load_datasets(wanted.benchmarks).items():
        folder, needed = wanted.results.dataset(name), dict[str, bool]()
        for stage in reversed(stages.preprocessing(dataset.branch)):
            kind = str(stage.kind)
            read = not inputs.isdisjoint(folder.shards(kind, dataset.spec.shards))
            needed[kind] = read or needed.get(kind, False)
            if stage.reads is not None:
                needed[stage.reads] = needed[kind] or needed.get(stage.reads, False)
        if folder.manifest in inputs or any(needed.values()):
            log = wanted.results.log(stages.MANIFEST.name, name)
            yield Job(stages.MANIFEST.name, name, folder.manifest, folder.path, log)
        for stage in stages.preprocessing(dataset.branch):
            if needed[str(stage.kind)]:
                yield from _shards(wanted.results, dataset, stage)


def _shards(results: Results, dataset: Dataset, stage: stages.Stage) -> Iterator[Job]:
    name = dataset.spec.dataset
    for number in range(dataset.spec.shards):
        shard = shard_name(number)
        output = results.dataset(name).shard(str(stage.kind), shard)
        yield Job(stage.name, name, output, output, results.log(stage.name, f"{name}-{shard}"), shard=shard)


def _weights(wanted: Wanted) -> Iterator[Job]:
    for dataset in jobs.read_datasets(wanted.benchmarks, load_datasets(wanted.benchmarks)):
        for file in jobs.depth_checkpoint(dataset) if dataset.branch == "source" else []:
            log = wanted.results.log("depth_weights", dataset.settings.depth.model)
            yield Job(WEIGHTS, str(file), file, file, log)
    for part in wanted.benchmarks:
        for settings in part.runs.values():
            for file in map(Path, settings.initial_weights):
                log = wanted.results.log(WEIGHTS, _WEIGHT_LOGS.get(file.stem, file.stem))
                yield Job(WEIGHTS, str(file), file, file, log)


def _runs(wanted: Wanted) -> Iterator[Job]:
    for part in wanted.benchmarks:
        name = part.benchmark.name
        for run, settings in part.runs.items():
            for seed in wanted.seeds:
                folder = wanted.results.run(name, run, seed)
                log = wanted.results.log(stages.TRAIN.name, f"{name}-{run}-{seed}")
                epochs = settings.epochs if isinstance(settings, TrainingSettings) else None
                yield Job(stages.TRAIN.name, f"{name}, {run}", folder.checkpoint, folder.path, log, seed, epochs=epochs)


def _features(wanted: Wanted) -> Iterator[Job]:
    for part in wanted.benchmarks:
        name = part.benchmark.name
        for run in dict.fromkeys(one for settings in part.runs.values() for one in settings.feature_runs):
            for seed in wanted.seeds:
                file = wanted.results.features(name, run, seed)
                log = wanted.results.log("features", f"{name}-{run}-{seed}")
                yield Job(stages.FEATURES.name, f"{name}, {run}", file, file, log, seed)
        for run in _drawn_runs(wanted, part):
            seed = wanted.seeds[0]
            file = wanted.results.video_features(name, run, seed)
            log = wanted.results.log("video_features", f"{name}-{run}-{seed}")
            yield Job(stages.FEATURES.name, f"{name}, {run}, videos", file, file, log, seed)


def _drawn_runs(wanted: Wanted, part: ResolvedBenchmark) -> Iterable[str]:
    """Runs whose features of videos a figure shows."""
    methods = [method for experiment in wanted.experiments.values() for method in experiment.features]
    return dict.fromkeys(run for method in methods for run in part.method(method).fuse)


def _tables(wanted: Wanted) -> Iterator[Job]:
    results = wanted.results
    for part in wanted.benchmarks:
        name = part.benchmark.name
        for method in part.methods:
            for seed in wanted.seeds:
                folder = results.method(name, method, seed)
                log = results.log(stages.FUSE.name, f"{name}-{method}-{seed}")
                yield Job(stages.FUSE.name, f"{name}, {method}", folder.predictions, folder.path, log, seed)
        if wanted.reports:
            report = results.report(name)
            yield Job(stages.REPORT.name, name, report.page, report.path, results.log(stages.REPORT.name, name))
    for name, experiment in wanted.experiments.items():
        table = results.experiment(name, [part.benchmark.name for part in wanted.benchmarks])
        output = table.file(experiment.suffixes[-1])
        yield Job(stages.EXPERIMENT.name, name, output, table.path, results.log(stages.EXPERIMENT.name, name))

"""Resolution of the documents into the settings of every dataset, run and method."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from i2vadapt.config.documents import Benchmark, Config, DatasetSpec, benchmark_file, load_benchmark
from i2vadapt.config.methods import (
    MethodSpec,
    MethodsTable,
    check_fusion,
    check_parents,
    load_methods,
    needed_runs,
    resolve_run,
)
from i2vadapt.config.parsing import describe_errors, parse
from i2vadapt.config.run import RunSettings
from i2vadapt.config.settings import Settings, resolve_settings
from i2vadapt.errors import UserError
from i2vadapt.stages import Side


@dataclass(frozen=True)
class ResolvedBenchmark:
    """A benchmark with the settings of its stages, the chosen methods, and the runs that they need.

    Attributes:
        file: benchmark file.
        benchmark: content of the file.
        settings: settings of all stages; those of a run are in `runs`.
        methods: chosen methods by name, in the order of the tables.
        runs: settings of the needed runs by name, each after the runs whose scores it reads.
    """

    file: Path
    benchmark: Benchmark
    settings: Settings
    methods: dict[str, MethodSpec]
    runs: dict[str, RunSettings]


@dataclass(frozen=True)
class Dataset:
    """One side of a benchmark, as the workflow's rules need it.

    Attributes:
        file: benchmark file.
        side: source or target.
        spec: location and selection of the items.
        settings: settings of all stages.
        definition: plain data from which the manifest is made, except for the location of the items.
    """

    file: Path
    side: Side
    spec: DatasetSpec
    settings: Settings
    definition: dict[str, Any]


def read_config(data: Mapping[str, Any], workflow: Path) -> tuple[Config, list[ResolvedBenchmark]]:
    """Checks the content of config.yaml and resolves it.

    Args:
        data: content of config.yaml.
        workflow: see `resolve`.

    Returns:
        The configuration, and its benchmarks as returned by `resolve`.

    Raises:
        UserError: if there are mistakes; lists all of them, those in config.yaml and those in the files that it names.
    """
    problems = []
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        problems.append(describe_errors(error, "config.yaml"))
        wrong = {detail["loc"][0] for detail in error.errors() if detail["loc"]}
        config = parse(Config, {key: value for key, value in data.items() if key not in wrong}, "config.yaml")
    resolved = []
    try:
        resolved = resolve(config, workflow)
    except UserError as error:
        problems.append(str(error))
    if problems:
        raise UserError("\n".join(problems))
    return config, resolved


def resolve(config: Config, workflow: Path) -> list[ResolvedBenchmark]:
    """Reads the methods and benchmark files that a configuration names, and merges the settings.

    Args:
        config: content of config.yaml.
        workflow: folder of methods.yaml and benchmarks/.

    Raises:
        UserError: if there are mistakes; lists those of all files.
    """
    table = load_methods(workflow / "methods.yaml")
    problems = [
        f"config: methods: no method {name!r} in methods.yaml; there are {', '.join(table.methods)}"
        for name in config.methods
        if name not in table.methods
    ]
    methods = {name: table.methods[name] for name in config.methods if name in table.methods}
    resolved = []
    for name in config.benchmarks:
        try:
            file = benchmark_file(name, workflow / "benchmarks")
            resolved.append(_resolve_benchmark(file, config, table, methods))
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError("\n".join(problems))
    return resolved


def _resolve_benchmark(
    file: Path, config: Config, table: MethodsTable, methods: dict[str, MethodSpec]
) -> ResolvedBenchmark:
    benchmark = load_benchmark(file)
    where = f"settings of {benchmark.name} (with config.yaml)"
    layers = (benchmark.settings, benchmark.released if config.preset == "released" else {}, config.settings)
    unknown = [name for name in benchmark.runs if name not in table.runs]
    if unknown:
        raise UserError(
            f"{file}: runs: no run {', '.join(map(repr, unknown))} in methods.yaml; there are {', '.join(table.runs)}"
        )
    settings = resolve_settings(config.preset, layers, where)
    shared = [layer.get("train", {}) for layer in layers]

    def settings_of(run: str) -> RunSettings:
        return resolve_run(run, table, shared, benchmark.runs.get(run, {}), config.preset, where)

    runs = _with_features(needed_runs(methods, list(table.runs), settings_of))
    check_parents(runs, where)
    check_fusion(methods, runs, where)
    return ResolvedBenchmark(file, benchmark, settings, methods, runs)


def _with_features(runs: dict[str, RunSettings]) -> dict[str, RunSettings]:
    """Sets `keep_features` of the runs whose features another run reads."""
    read = {parent for settings in runs.values() for parent in settings.parents_with_features}
    return {
        name: settings.model_copy(update={"keep_features": settings.keep_features or name in read})
        for name, settings in runs.items()
    }


def load_datasets(benchmarks: Iterable[ResolvedBenchmark]) -> dict[str, Dataset]:
    """Collects the datasets of some benchmarks, by name.

    Raises:
        UserError: if two benchmarks define a dataset of the same name differently.
    """
    datasets: dict[str, Dataset] = {}
    for part in benchmarks:
        sides: tuple[tuple[Side, DatasetSpec], ...] = (
            ("source", part.benchmark.source),
            ("target", part.benchmark.target),
        )
        for side, spec in sides:
            classes = {name: getattr(classes, side) for name, classes in part.benchmark.classes.items()}
            definition = {
                "spec": spec.model_dump(mode="json", exclude={"expected", "shards", "root"}),
                "classes": classes,
                "min_frames": part.settings.decode.min_frames if side == "target" else 0,
            }
            dataset = Dataset(part.file, side, spec, part.settings, definition)
            other = datasets.setdefault(spec.dataset, dataset)
            if (other.side, other.spec, other.definition) != (side, spec, definition) or not _same_stages(
                other, dataset
            ):
                raise UserError(
                    f"dataset {spec.dataset}: {other.file} and {part.file} define it differently; rename one of them"
                )
    return datasets


def _same_stages(first: Dataset, second: Dataset) -> bool:
    return first.settings.model_dump(exclude={"train"}) == second.settings.model_dump(exclude={"train"})

"""Resolution of the documents into the settings of every dataset, run and method."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from i2vadapt.config.documents import Benchmark, Config, DatasetSpec, benchmark_file, load_benchmark
from i2vadapt.config.messages import describe_error
from i2vadapt.config.methods import (
    MethodSpec,
    MethodsTable,
    check_fusion,
    check_parents,
    load_methods,
    needed_runs,
    resolve_run,
)
from i2vadapt.config.names import repeated
from i2vadapt.config.parsing import parse, raise_problems
from i2vadapt.config.run import RunSettings, TrainingSettings
from i2vadapt.config.settings import Settings, resolve_settings
from i2vadapt.config.yaml_files import YamlFile, read_yaml_file
from i2vadapt.errors import UserError
from i2vadapt.stages import Branch, Side


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
        crops: benchmark and run of the classifier by which photographs are cropped to videos; None for the datasets of
            benchmark files.
    """

    file: Path
    side: Side
    spec: DatasetSpec
    settings: Settings
    definition: dict[str, Any]
    crops: tuple[str, str] | None = None

    @property
    def branch(self) -> Branch:
        """The branch of preprocessing that makes the shards."""
        return self.side if self.crops is None else "crops"


def read_config(
    data: Mapping[str, Any], workflow: Path, files: Sequence[str | Path] = ("config.yaml",)
) -> tuple[Config, list[ResolvedBenchmark]]:
    """Checks the content of config.yaml and resolves it.

    Snakemake reads the files itself: it keeps the last of two equal keys, and merges what --config gives. So the files
    are read again, strictly. This also shows which file a value comes from.

    Args:
        data: content of config.yaml, merged with that of other files and with the values of --config.
        workflow: see `resolve`.
        files: files of which `data` is the content; those that do not exist are passed over.

    Returns:
        The configuration, and its benchmarks as returned by `resolve`.

    Raises:
        UserError: if there are mistakes; lists all of them, those in config.yaml and those in the files that it names.
    """
    problems = _folder_problems(workflow)
    written = [read_yaml_file(Path(file)) for file in files if Path(file).is_file()]
    problems += [problem for file in written for problem in file.problems]
    data = {str(key): value for key, value in data.items() if isinstance(key, str) or not written}
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        problems += _describe_by_origin(error, data, written)
        wrong = {detail["loc"][0] for detail in error.errors() if detail["loc"]}
        config = parse(Config, {key: value for key, value in data.items() if key not in wrong}, "config.yaml")
    resolved = []
    try:
        resolved = resolve(config, workflow)
    except UserError as error:
        problems.append(str(error))
    raise_problems(problems)
    return config, resolved


def _folder_problems(workflow: Path) -> list[str]:
    folder = str(workflow.absolute().parent)
    if "{" in folder or "}" in folder:
        return [f"{folder}: the name of the project's folder must not hold braces, in which Snakemake writes wildcards"]
    return []


def _describe_by_origin(error: ValidationError, data: Mapping[str, Any], files: Sequence[YamlFile]) -> list[str]:
    """Lines about the mistakes in a configuration, each with the file that holds the value, or --config."""
    lines = []
    for detail in error.errors():
        key = str(detail["loc"][0]) if detail["loc"] else ""
        origin = next((file for file in reversed(files) if key in file.data and file.data[key] == data.get(key)), None)
        where = "--config" if files and origin is None else str(origin.path) if origin is not None else "config.yaml"
        lines += describe_error(detail, where, origin)
    return lines


def resolve(config: Config, workflow: Path) -> list[ResolvedBenchmark]:
    """Reads the methods and benchmark files that a configuration names, and merges the settings.

    Args:
        config: content of config.yaml.
        workflow: folder of methods.yaml and benchmarks/.

    Raises:
        UserError: if there are mistakes; lists those of all files.
    """
    problems, table = [], None
    try:
        table = load_methods(workflow / "methods.yaml")
    except UserError as error:
        problems.append(str(error))
    known = table.methods if table is not None else {}
    if table is not None:
        problems += [
            f"config: methods: no method {name!r} in methods.yaml; there are {', '.join(known)}"
            for name in config.methods
            if name not in known
        ]
    methods = {name: known[name] for name in config.methods if name in known}
    resolved, loaded = [], list[tuple[str, Benchmark]]()
    for name in config.benchmarks:
        try:
            file = benchmark_file(name, workflow / "benchmarks")
            benchmark = load_benchmark(file)
            loaded.append((str(file), benchmark))
            if table is not None:
                resolved.append(_resolve_benchmark(file, benchmark, config, table, methods))
        except UserError as error:
            problems.append(str(error))
    raise_problems([*problems, *_name_problems(loaded)])
    return resolved


def _name_problems(benchmarks: Sequence[tuple[str, Benchmark]]) -> list[str]:
    """Benchmarks of one name, which would share their folders; some file systems ignore case."""
    names = [benchmark.name.casefold() for _, benchmark in benchmarks]
    problems = []
    for name in repeated(names):
        files = [file for file, benchmark in benchmarks if benchmark.name.casefold() == name]
        problems.append(f"config: benchmarks: {' and '.join(files)} have the same name {name!r}; rename one of them")
    return problems


def _resolve_benchmark(
    file: Path, benchmark: Benchmark, config: Config, table: MethodsTable, methods: dict[str, MethodSpec]
) -> ResolvedBenchmark:
    where = f"settings of {benchmark.name} (with config.yaml)"
    layers = (benchmark.settings, benchmark.released if config.preset == "released" else {}, config.settings)
    unknown = [name for name in benchmark.runs if name not in table.runs]
    problems = []
    if unknown:
        problems.append(
            f"{file}: runs: no run {', '.join(map(repr, unknown))} in methods.yaml; there are {', '.join(table.runs)}"
        )
    try:
        settings = resolve_settings(config.preset, layers, where)
    except UserError as error:
        raise UserError("\n".join([*problems, str(error)])) from None
    raise_problems(problems)
    shared = [layer["train"] for layer in layers if isinstance(layer.get("train"), Mapping)]

    def settings_of(run: str) -> RunSettings:
        return resolve_run(run, table, shared, benchmark.runs.get(run, {}), config.preset, where)

    runs = _with_features(needed_runs(methods, list(table.runs), settings_of))
    check_parents(runs, where)
    check_fusion(methods, runs, where)
    return ResolvedBenchmark(file, benchmark, settings, methods, runs)


def _with_features(runs: dict[str, RunSettings]) -> dict[str, RunSettings]:
    """Sets `keep_features` of the runs whose features another run reads."""
    read = {parent for settings in runs.values() for parent in settings.partners_with_features}
    return {
        name: settings.model_copy(update={"keep_features": True})
        if name in read and isinstance(settings, TrainingSettings)
        else settings
        for name, settings in runs.items()
    }


def load_datasets(benchmarks: Iterable[ResolvedBenchmark]) -> dict[str, Dataset]:
    """Collects the datasets of some benchmarks, by name, with those of crops that runs need.

    Raises:
        UserError: if two benchmarks define a dataset of the same name differently, or two names differ in case alone:
            some file systems ignore it, and both would share a folder.
    """
    datasets: dict[str, Dataset] = {}
    for dataset in (dataset for part in benchmarks for dataset in _datasets_of(part)):
        name = dataset.spec.dataset
        other = datasets.setdefault(name, dataset)
        if not _same_dataset(other, dataset):
            raise UserError(
                f"dataset {name}: {other.file} and {dataset.file} define it differently; rename one of them"
            )
    same = repeated(name.casefold() for name in datasets)
    if same:
        names = [repr(name) for name in datasets if name.casefold() == same[0]]
        raise UserError(f"datasets {' and '.join(names)} differ in nothing but case; rename one of them")
    return datasets


def check_folders(datasets: Iterable[Dataset]) -> None:
    """Checks that the folders and lists of datasets exist; a generated dataset is made by a rule of the workflow.

    Raises:
        UserError: if some do not exist, as where a drive is not mounted; lists all of them.
    """
    problems = []
    for dataset in datasets:
        spec, where = dataset.spec, f"{dataset.file}: {dataset.side}"
        if spec.generated:
            continue
        if not Path(spec.root).is_dir():
            problems.append(f"{where}.root: no folder {spec.root}: is its drive mounted?")
        problems += [f"{where}.lists: no file or folder {path}" for path in spec.lists if not Path(path).exists()]
    raise_problems(problems)


def _datasets_of(part: ResolvedBenchmark) -> Iterator[Dataset]:
    """Source, target and, where a run needs them, the photographs cropped to videos."""
    benchmark = part.benchmark
    sides: tuple[tuple[Side, DatasetSpec], ...] = (("source", benchmark.source), ("target", benchmark.target))
    for side, spec in sides:
        definition = {
            "spec": spec.model_dump(mode="json", exclude={"expected", "shards", "root"}),
            "classes": {name: getattr(classes, side) for name, classes in benchmark.classes.items()},
            "min_frames": part.settings.decode.min_frames if side == "target" else 0,
        }
        yield Dataset(part.file, side, spec, part.settings, definition)
        crops = {settings.crop_classifier for settings in part.runs.values() if settings.crop_classifier is not None}
        if side == "source" and crops:
            if len(crops) > 1:
                raise UserError(f"{part.file}: crops_by must be the same in all runs, not {', '.join(sorted(crops))}")
            cropped = spec.model_copy(update={"dataset": crops_dataset(benchmark.name)})
            yield Dataset(part.file, side, cropped, part.settings, definition, (benchmark.name, crops.pop()))


def crops_dataset(benchmark: str) -> str:
    """Name of the dataset of a benchmark's photographs cropped to videos."""
    return f"{benchmark}-crops"


def _same_dataset(first: Dataset, second: Dataset) -> bool:
    """Whether two benchmarks define a dataset alike."""
    alike = (first.side, first.spec, first.definition, first.crops) == (
        second.side,
        second.spec,
        second.definition,
        second.crops,
    )
    stages = [dataset.settings.model_dump(exclude={"train"}) for dataset in (first, second)]
    return alike and stages[0] == stages[1]

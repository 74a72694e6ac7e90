"""The documents a user edits: config.yaml, the benchmark files and the rows of the tables (methods)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from i2vadapt.config import (
    Section,
    Settings,
    TrainSettings,
    describe_errors,
    parse,
    read_yaml,
    resolve_settings,
)
from i2vadapt.errors import UserError

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="letters, digits, dot, dash")]


class DatasetSpec(Section):
    """One side of a benchmark: where its items are and which of them count."""

    dataset: Name = Field(description="name of the dataset; its results live under results/datasets/<dataset>")
    root: str = Field(description="folder of the images or videos; one sub-folder a class, or items without a class")
    layout: Literal["folder", "list", "ucf101", "hmdb51"] = Field("folder", description="how labels are given")
    lists: tuple[str, ...] = Field(
        (), description="list files 'path label', UCF101 split files, or the HMDB51 folder of split files"
    )
    split: int | None = Field(None, ge=1, le=3, description="number of the HMDB51 split; lists name UCF101's")
    subset: Literal["train", "test", "all"] = Field("all", description="part of an HMDB51 split")
    shards: int = Field(1, ge=1, le=10000, description="parts the dataset is worked on in, some 256 items each")
    expected: int | None = Field(None, ge=0, description="items expected; a difference is reported")
    generated: bool = Field(False, description="made by a rule of the workflow; not scanned for changes")

    @model_validator(mode="after")
    def _lists_fit_layout(self) -> DatasetSpec:
        if (self.layout == "folder") == bool(self.lists):
            raise ValueError(
                f"lists must be {'empty' if self.layout == 'folder' else 'given'} with layout {self.layout}"
            )
        if (self.layout == "hmdb51") != (self.split is not None):
            raise ValueError("split is needed with layout hmdb51, and only there")
        return self


class ClassSpec(Section):
    """A class of the benchmark and the names it has in the two datasets; several source classes may go to one."""

    source: tuple[str, ...] = Field(min_length=1, description="class names of the source dataset")
    target: tuple[str, ...] = Field(min_length=1, description="class names of the target dataset")


class Benchmark(Section):
    """A source of labelled photographs, a target of videos, and the classes they share."""

    name: Name
    source: DatasetSpec
    target: DatasetSpec
    classes: dict[str, ClassSpec] = Field(min_length=2, description="in the order of the labels 0, 1, …")
    settings: dict[str, Any] = Field(default_factory=dict, description="settings that differ from the preset")
    released: dict[str, Any] = Field(
        default_factory=dict, description="settings that the released scripts have otherwise, for preset released"
    )
    methods: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="training settings of single methods that differ on this benchmark"
    )

    @model_validator(mode="after")
    def _classes_are_disjoint(self) -> Benchmark:
        for side in ("source", "target"):
            seen: dict[str, str] = {}
            for name, spec in self.classes.items():
                for original in getattr(spec, side):
                    if seen.setdefault(class_key(original), name) != name:
                        raise ValueError(
                            f"{side} class {original!r} is given to both {seen[class_key(original)]!r} and {name!r}"
                        )
        if self.source.dataset == self.target.dataset:
            raise ValueError(f"source and target have the same dataset name {self.source.dataset!r}")
        return self


class Config(Section):
    """config.yaml."""

    benchmarks: tuple[str, ...] = Field(
        ("demo",), min_length=1, description="names of files in workflow/benchmarks, or paths to files of your own"
    )
    methods: tuple[str, ...] = Field(
        ("full",), min_length=1, description="rows of the tables, from workflow/methods.yaml"
    )
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field((0,), min_length=1, description="one run each")
    preset: Literal["default", "paper", "released"] = Field(
        "default", description="what measured best, the paper to the letter, or the authors' code where it differs"
    )
    results: str = Field("results", min_length=1, description="folder of everything that is made")
    settings: dict[str, Any] = Field(default_factory=dict, description="settings for every benchmark")


@dataclass(frozen=True)
class ResolvedBenchmark:
    """A benchmark with the settings of its stages and of every method's training."""

    file: Path
    benchmark: Benchmark
    settings: Settings
    methods: dict[str, TrainSettings]


@dataclass(frozen=True)
class Dataset:
    """One side of a benchmark, as the workflow's rules need it."""

    file: Path
    side: Literal["source", "target"]
    spec: DatasetSpec
    settings: Settings
    definition: dict[str, Any]


def class_key(name: str) -> str:
    """Form in which class names are compared: without case, underscores and spaces (UCF101's own lists differ)."""
    return name.casefold().replace("_", "").replace(" ", "")


def benchmark_file(name: str, folder: Path) -> Path:
    """File of a benchmark: its name in `folder`, or its own path."""
    path = Path(name) if name.endswith((".yaml", ".yml")) else folder / f"{name}.yaml"
    if not path.exists():
        known = ", ".join(sorted(file.stem for file in folder.glob("*.yaml")))
        raise UserError(f"benchmarks: no file {path}; there are {known}, or give the path of a .yaml file")
    return path


def load_benchmark(path: Path) -> Benchmark:
    """Reads a benchmark file."""
    return parse(Benchmark, read_yaml(path), str(path))


def load_methods(path: Path) -> dict[str, Mapping[str, Any]]:
    """Reads the rows of the tables: method name -> training settings that differ."""
    return read_yaml(path)


def resolve(config: Config, workflow: Path) -> list[ResolvedBenchmark]:
    """Reads all that config.yaml names.

    Args:
        config: the user's configuration.
        workflow: folder of methods.yaml and benchmarks/.

    Raises:
        UserError: with all mistakes of all files.
    """
    table = load_methods(workflow / "methods.yaml")
    problems = [
        f"config: methods: no method {name!r} in methods.yaml; there are {', '.join(table)}"
        for name in config.methods
        if name not in table
    ]
    methods = [name for name in config.methods if name in table]
    resolved = []
    for name in config.benchmarks:
        try:
            file = benchmark_file(name, workflow / "benchmarks")
            benchmark = load_benchmark(file)
            of_preset = benchmark.released if config.preset == "released" else {}
            layers = (benchmark.settings, of_preset, config.settings)
            where = f"settings of {benchmark.name} (with config.yaml)"
            problems += [
                f"{file}: methods: no method {name!r} in methods.yaml"
                for name in benchmark.methods
                if name not in table
            ]
            settings = resolve_settings(config.preset, layers, where)
            rows = {}
            for method in methods:
                own = ({"train": table[method]}, {"train": benchmark.methods.get(method, {})})
                rows[method] = resolve_settings(config.preset, (*layers, *own), f"{where}, method {method}").train
            resolved.append(ResolvedBenchmark(file, benchmark, settings, rows))
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError("\n".join(problems))
    return resolved


def read_config(data: Mapping[str, Any], workflow: Path) -> tuple[Config, list[ResolvedBenchmark]]:
    """Reads the content of config.yaml and all that it names; see `resolve`.

    Raises:
        UserError: with all mistakes at once: a wrong key does not hide those in the settings or in the named files.
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


def load_datasets(benchmarks: Iterable[ResolvedBenchmark]) -> dict[str, Dataset]:
    """All datasets of some benchmarks by name.

    Raises:
        UserError: if two benchmarks mean different things by one dataset name.
    """
    datasets: dict[str, Dataset] = {}
    for part in benchmarks:
        sides: tuple[tuple[Literal["source", "target"], DatasetSpec], ...] = (
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
                    f"dataset {spec.dataset}: {other.file} and {part.file} define it differently; give one another name"
                )
    return datasets


def _same_stages(first: Dataset, second: Dataset) -> bool:
    return first.settings.model_dump(exclude={"train"}) == second.settings.model_dump(exclude={"train"})

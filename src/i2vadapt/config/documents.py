"""The documents a user edits: config.yaml and the benchmark files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from i2vadapt.config.base import Section
from i2vadapt.config.names import ClassName, Distinct, FolderName, Name, class_key, repeated
from i2vadapt.config.parsing import parse_file
from i2vadapt.config.paths import FilePath, ResultsPath
from i2vadapt.config.yaml_files import read_yaml_file
from i2vadapt.errors import UserError
from i2vadapt.files.absent import advice


class DatasetSpec(Section):
    """One side of a benchmark: the location of its items and the selection of those that are used."""

    dataset: Name = Field(description="name of the dataset; its tables and shards are in results/datasets/<dataset>")
    root: FilePath = Field(description="folder of the images or videos: one sub-folder per class, or unlabelled items")
    layout: Literal["folder", "list", "ucf101", "hmdb51"] = Field(
        "folder", description="source of the labels: sub-folders, list files, or the official files of a dataset"
    )
    lists: Annotated[tuple[FilePath, ...], Distinct] = Field(
        (),
        description="list files of lines 'path label' or 'path', UCF101's split files, or the folder of HMDB51's",
    )
    split: int | None = Field(
        None, ge=1, le=3, description="number of the HMDB51 split; for UCF101, lists names the files of a split"
    )
    subset: Literal["train", "test", "all"] = Field("all", description="part of the HMDB51 split")
    shards: int = Field(
        1, ge=1, le=10000, description="number of shards, each made by one job; about 256 items per shard work well"
    )
    expected: int | None = Field(None, ge=0, description="expected number of items; a difference is reported")
    expected_frames: float | None = Field(
        None,
        gt=0,
        description="expected mean number of frames of a video, with which plan prices absent videos",
    )
    generated: bool = Field(
        False, description="whether a rule of the workflow makes the dataset; if so, it is not scanned for changes"
    )

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
    """A class of the benchmark and its names in the two datasets; several classes of a dataset may be merged."""

    source: Annotated[tuple[FolderName, ...], Distinct] = Field(
        min_length=1, description="names of the class in the source dataset"
    )
    target: Annotated[tuple[FolderName, ...], Distinct] = Field(
        min_length=1, description="names of the class in the target dataset"
    )


class Benchmark(Section):
    """A source dataset of labelled photographs, a target dataset of videos, and the classes that they share."""

    name: Name = Field(description="name of the benchmark, which names its folders in results/")
    source: DatasetSpec = Field(description="dataset of labelled photographs")
    target: DatasetSpec = Field(description="dataset of videos")
    classes: dict[ClassName, ClassSpec] = Field(min_length=2, description="classes in the order of the labels 0, 1, …")
    settings: dict[str, Any] = Field(default_factory=dict, description="settings that differ from the preset")
    released: dict[str, Any] = Field(
        default_factory=dict, description="settings that differ in the released scripts; used with preset released only"
    )
    runs: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="settings of single runs that differ on this benchmark, by run"
    )

    @model_validator(mode="after")
    def _classes_are_disjoint(self) -> Benchmark:
        """Every mistake is named, since each of them puts items under a wrong label."""
        problems = []
        for key in repeated(name.casefold() for name in self.classes):
            same = [repr(name) for name in self.classes if name.casefold() == key]
            problems.append(f"classes {' and '.join(same)} differ in nothing but case")
        for side in ("source", "target"):
            seen: dict[str, str] = {}
            for name, spec in self.classes.items():
                for original in getattr(spec, side):
                    first = seen.setdefault(class_key(original), name)
                    if first != name:
                        problems.append(f"{side} class {original!r} is given to both {first!r} and {name!r}")
        if self.source.dataset.casefold() == self.target.dataset.casefold():
            problems.append(f"source and target have the same dataset name {self.source.dataset!r}")
        if problems:
            raise ValueError("\n".join(problems))
        return self


class Config(Section):
    """Content of config.yaml."""

    benchmarks: Annotated[tuple[FilePath, ...], Distinct] = Field(
        ("demo",), min_length=1, description="names of files in workflow/benchmarks, or paths of your own files"
    )
    methods: Annotated[tuple[str, ...], Distinct] = Field(
        ("full",), min_length=1, description="methods of workflow/methods.yaml to run, the rows of the tables"
    )
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Distinct] = Field(
        (0,),
        min_length=1,
        description="random seeds; every run is trained once with each",
        json_schema_extra={"paper": "Tables 1 to 5: three random trials"},
    )
    features: Annotated[tuple[str, ...], Distinct] | None = Field(
        None,
        description="methods whose features the report draws by t-SNE, for which each of their networks sees all videos"
        " again; null: the last one that trains networks",
    )
    preset: Literal["default", "paper", "released"] = Field(
        "default",
        description="set of defaults: default (what measured best), paper (to the letter), or released (the authors'"
        " code where it differs)",
    )
    results: ResultsPath = Field("results", min_length=1, description="folder of all outputs")
    settings: dict[str, Any] = Field(
        default_factory=dict, description="settings of all benchmarks; they override those of the benchmark files"
    )

    @field_validator("features")
    @classmethod
    def _features_are_of_methods(cls, names: tuple[str, ...] | None, info: ValidationInfo) -> tuple[str, ...] | None:
        methods: tuple[str, ...] | None = info.data.get("methods")  # missing if they are wrong themselves
        if methods is not None and any(name not in methods for name in names or ()):
            raise ValueError(f"must be among the methods {', '.join(methods)}")
        return names


def benchmark_file(name: str, folder: Path) -> Path:
    """Finds the file of a benchmark.

    Args:
        name: name of a file in `folder` without suffix, or path of a .yaml file.
        folder: folder of the benchmark files.

    Raises:
        UserError: if there is no such file.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else folder / f"{name}.yaml"
    if str(path).startswith("-"):  # commands would take it for an option
        path = path.absolute()
    if not path.exists():
        known = ", ".join(sorted(file.stem for file in folder.glob("*.yaml")))
        raise UserError(f"benchmarks: no file {path}; there are {known or 'none'}, or give the path of a .yaml file")
    return path


def load_benchmark(path: Path) -> Benchmark:
    """Reads a benchmark file.

    Raises:
        UserError: if the file cannot be read; lists all mistakes at once.
    """
    if not path.exists():
        raise UserError(
            f"{path}: no such benchmark file{advice(path)}; workflow/benchmarks has those of the paper,"
            " `i2vadapt init PHOTOS VIDEOS` writes one for your data"
        )
    keys = read_yaml_file(path).data.keys()
    if "benchmarks" in keys and "classes" not in keys:
        raise UserError(f"{path}: is a configuration, not a benchmark file; its key `benchmarks` names these")
    return parse_file(Benchmark, path)

"""The documents a user edits: config.yaml and the benchmark files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from i2vadapt.config.base import Name, Section
from i2vadapt.config.parsing import parse, read_yaml
from i2vadapt.errors import UserError


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
    runs: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="settings of single runs that differ on this benchmark"
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
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        (0,), min_length=1, description="random seeds; each of them trains every run"
    )
    preset: Literal["default", "paper", "released"] = Field(
        "default", description="what measured best, the paper to the letter, or the authors' code where it differs"
    )
    results: str = Field("results", min_length=1, description="folder of everything that is made")
    settings: dict[str, Any] = Field(default_factory=dict, description="settings for every benchmark")


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

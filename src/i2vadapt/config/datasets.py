"""The datasets of some benchmarks, as the workflow's rules need them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from i2vadapt.config.documents import DatasetSpec
from i2vadapt.config.names import repeated
from i2vadapt.config.parsing import raise_problems
from i2vadapt.config.resolved import ResolvedBenchmark
from i2vadapt.config.settings import Settings
from i2vadapt.errors import UserError
from i2vadapt.stages import Branch, Side


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
        if spec.generated or dataset.crops is not None:  # crops are made of the photographs
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
        if side == "source" and part.crop_classifier is not None:
            cropped = spec.model_copy(update={"dataset": crops_dataset(benchmark.name)})
            yield Dataset(part.file, side, cropped, part.settings, definition, (benchmark.name, part.crop_classifier))


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

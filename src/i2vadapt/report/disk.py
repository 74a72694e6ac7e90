"""Space on disk of what the stages have made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from i2vadapt.data.shards.reader import ShardReader
from i2vadapt.errors import UserError
from i2vadapt.files import superseded
from i2vadapt.layout import SUPERSEDED_SUFFIX, DatasetFolder, Results
from i2vadapt.report.datasets import existing_shards
from i2vadapt.report.text import plural, size
from i2vadapt.stages import FEATURES, FUSE, KINDS, TRAIN, Kind


@dataclass(frozen=True)
class Stored:
    """Files of one stage for one dataset or benchmark.

    Attributes:
        stage: name of the stage that made them.
        what: what they are, with the name of the dataset or benchmark.
        files: how many.
        size: of all of them, bytes.
    """

    stage: str
    what: str
    files: int
    size: int


def stored_files(results: Results) -> list[Stored]:
    """Shards of each dataset, and runs, methods and features of each benchmark, without what was set aside."""
    found = [
        _shards(folder, kind, paths)
        for folder in results.dataset_folders()
        for kind in KINDS
        if (paths := existing_shards(folder, kind))
    ]
    for stage, what, folders in (
        (TRAIN, "runs", results.run_folders()),
        (FUSE, "methods", results.method_folders()),
        (FEATURES, "features", results.feature_folders()),
    ):
        found += [_stored(stage.name, f"{what} of {folder.name}", _files(folder)) for folder in folders]
    return [part for part in found if part.files]


def describe_superseded(results: Results) -> str:
    """What was set aside and how much space that takes; empty if nothing was."""
    versions = results.superseded()
    return f"{plural(len(versions), 'item')}, {size(superseded.size_of(versions))}" if versions else ""


def _shards(folder: DatasetFolder, kind: Kind, paths: Sequence[Path]) -> Stored:
    return _stored(_stage_of(paths[0], kind), f"{kind} of {folder.path.name}", paths)


def _stage_of(shard: Path, kind: Kind) -> str:
    """The stage that made a shard; its kind if the shard is damaged, which concerns only the report of its dataset."""
    try:
        return str(ShardReader(shard).provenance.get("stage", kind))
    except UserError:
        return kind


def _stored(stage: str, what: str, paths: Iterable[Path]) -> Stored:
    sizes = [path.stat().st_size for path in paths]
    return Stored(stage, what, len(sizes), sum(sizes))


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_dir() and path.suffix != SUPERSEDED_SUFFIX:
            yield from _files(path)
        elif path.is_file() and not path.name.startswith("."):
            yield path

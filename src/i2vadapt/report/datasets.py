"""What became of a dataset's items: how many take part, which were left out and why, what the shards hold."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from i2vadapt.config.documents import DatasetSpec
from i2vadapt.data.items import UNLABELLED, Item, read_items
from i2vadapt.data.manifest import EXCLUDED_COLUMNS
from i2vadapt.data.shards.reader import ShardReader
from i2vadapt.files.tables import read_table
from i2vadapt.layout import shard_name

STAGES = ("depth", "frames", "flow")


@dataclass(frozen=True)
class StageSummary:
    """All shards of one stage of a dataset.

    Attributes:
        name: depth, frames or flow.
        shards: how many there are.
        items: items they hold.
        frames: frames (maps, fields) they hold.
        megabytes: their size on disk, MB of 10^6 bytes.
        settings: those of the first shard.
        failures: (id, reason) of items that failed.
        clipped: of flow, (shards,) share of the components beyond the bound that can be stored; empty otherwise.
        clipped_overall: the same of the whole dataset; None for other stages.
    """

    name: str
    shards: int
    items: int
    frames: int
    megabytes: float
    settings: dict[str, Any]
    failures: list[tuple[str, str]]
    clipped: list[float]
    clipped_overall: float | None


@dataclass(frozen=True)
class DatasetSummary:
    """One side of a benchmark.

    Attributes:
        name: of the dataset.
        items: that take part.
        expected: how many the benchmark expects; None if it doesn't say.
        class_counts: items of each class, in the order of the labels; the last is those without a label.
        excluded: reason -> number of items left out.
        stages: those that have shards.
    """

    name: str
    items: int
    expected: int | None
    class_counts: list[int]
    excluded: dict[str, int]
    stages: list[StageSummary]


def summarise_dataset(spec: DatasetSpec, results: Path, classes: int) -> DatasetSummary:
    """Reads a dataset's tables and all its shards.

    Raises:
        UserError: if a table is missing, or a shard can't be read.
    """
    folder = dataset_folder(results, spec.dataset)
    items = read_items(folder / "manifest.csv")
    rows = read_table(folder / "excluded.csv", EXCLUDED_COLUMNS)
    # "unreadable: empty file" and "duplicate of <id>" are counted by kind.
    reasons = Counter(row["reason"].split(":")[0].split(" of ")[0] for row in rows)
    found = [(stage, stage_paths(folder, stage)) for stage in STAGES]
    return DatasetSummary(
        spec.dataset,
        len(items),
        spec.expected,
        _class_counts(items, classes),
        dict(sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))),
        [_summarise_stage(stage, paths) for stage, paths in found if paths],
    )


def dataset_folder(results: Path, dataset: str) -> Path:
    """Folder of a dataset's results."""
    return results / "datasets" / dataset


def stage_paths(folder: Path, stage: str) -> list[Path]:
    """Shards of a stage that are there, in their order."""
    names = [shard_name(index) for index in range(shard_count(folder))]
    return [path for path in (folder / stage / f"{name}.h5" for name in names) if path.exists()]


def shard_count(folder: Path) -> int:
    """Number of parts of a dataset."""
    return len(list((folder / "items").glob("*.csv")))


def _class_counts(items: Sequence[Item], classes: int) -> list[int]:
    counts = Counter(item.label for item in items)
    return [counts[label] for label in (*range(classes), UNLABELLED)]


def _summarise_stage(stage: str, paths: Sequence[Path]) -> StageSummary:
    items = frames = size = 0
    failures: list[tuple[str, str]] = []
    settings: dict[str, Any] = {}
    shares: list[float] = []
    weights: list[int] = []
    for path in paths:
        reader = ShardReader(path, stage)
        settings = settings or reader.provenance.get("settings", {})
        items += len(reader)
        frames += int(reader.counts.sum())
        size += os.path.getsize(path)
        failures += [(failed.id, failed.reason) for failed in reader.failures]
        if stage == "flow" and len(reader):
            sizes = np.array([info["height"] * info["width"] for info in reader.info]) * reader.counts
            shares.append(float(np.average([info["clipped"] for info in reader.info], weights=sizes)))
            weights.append(int(sizes.sum()))
    overall = float(np.average(shares, weights=weights)) if shares else None
    return StageSummary(stage, len(paths), items, frames, size / 1e6, settings, failures, shares, overall)

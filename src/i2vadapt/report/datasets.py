"""What became of a dataset's items: how many take part, which were left out and why, what the shards hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from i2vadapt.config.documents import DatasetSpec
from i2vadapt.data.items import UNLABELLED, Item, read_items
from i2vadapt.data.labels import relabel
from i2vadapt.data.manifest import EXCLUDED_COLUMNS
from i2vadapt.data.shards.reader import ShardReader
from i2vadapt.files.tables import read_table
from i2vadapt.layout import DatasetFolder
from i2vadapt.stages import KINDS, Kind


@dataclass(frozen=True)
class ShardsSummary:
    """All shards of one kind of a dataset.

    Attributes:
        kind: depth, frames or flow.
        count: number of shards.
        items: items they hold.
        frames: frames (maps, fields) they hold.
        megabytes: their size on disk, MB of 10^6 bytes.
        settings: those of the first shard.
        failures: (id, reason) of items that failed.
        clipped: of flow, (count,) share of the components beyond the bound that can be stored; empty otherwise.
        clipped_overall: the same of the whole dataset; None for other kinds.
    """

    kind: Kind
    count: int
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
        expected: how many the benchmark expects; None if it does not say.
        class_counts: items of each class, in the order of the labels; the last is those without a label.
        excluded: reason -> number of items left out.
        shards: of each kind that exists.
    """

    name: str
    items: int
    expected: int | None
    class_counts: list[int]
    excluded: dict[str, int]
    shards: list[ShardsSummary]

    def class_rows(self, classes: Iterable[str]) -> list[tuple[str, int]]:
        """Classes that have items, and how many."""
        pairs = zip([*classes, "no label"], self.class_counts, strict=True)
        return [(name, count) for name, count in pairs if count]

    def shard_rows(self) -> list[list[str]]:
        """Of each kind of shards: kind, shards, items, frames, MB, clipped flow, failures."""
        rows = []
        for part in self.shards:
            clipped = ""
            if part.clipped_overall is not None:
                clipped = f"{100 * part.clipped_overall:.3f} %"
                if len(part.clipped) > 1:
                    clipped += f" (shards {100 * min(part.clipped):.3f} to {100 * max(part.clipped):.3f})"
            counts = (part.count, part.items, part.frames)
            rows.append([part.kind, *map(str, counts), f"{part.megabytes:.1f}", clipped, str(len(part.failures))])
        return rows

    def failures(self) -> list[str]:
        """Items that failed, each with the kind of shard and the reason."""
        return [f"{part.kind}: {name}: {reason}" for part in self.shards for name, reason in part.failures]


def summarise_dataset(spec: DatasetSpec, folder: DatasetFolder, classes: Sequence[str]) -> DatasetSummary:
    """Reads a dataset's tables and all its shards.

    Args:
        spec: the side of the benchmark.
        folder: its results.
        classes: names in the order of the labels.

    Raises:
        UserError: if a table is missing, a shard can't be read, or an item is of another class.
    """
    items = relabel(read_items(folder.manifest), classes, folder.manifest)
    rows = read_table(folder.excluded, EXCLUDED_COLUMNS)
    # "unreadable: empty file" and "duplicate of <id>" are counted by their first words.
    reasons = Counter(row["reason"].split(":")[0].split(" of ")[0] for row in rows)
    found = [(kind, existing_shards(folder, kind)) for kind in KINDS]
    return DatasetSummary(
        spec.dataset,
        len(items),
        spec.expected,
        _class_counts(items, len(classes)),
        dict(sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))),
        [_summarise_shards(kind, paths) for kind, paths in found if paths],
    )


def existing_shards(folder: DatasetFolder, kind: Kind) -> list[Path]:
    """Shards of a kind that exist, in order; none if no method needs the kind."""
    return [path for path in folder.shards(kind, folder.count_shards()) if path.exists()]


def _class_counts(items: Sequence[Item], classes: int) -> list[int]:
    counts = Counter(item.label for item in items)
    return [counts[label] for label in (*range(classes), UNLABELLED)]


def _summarise_shards(kind: Kind, paths: Sequence[Path]) -> ShardsSummary:
    items = frames = size = 0
    failures: list[tuple[str, str]] = []
    settings: dict[str, Any] = {}
    shares: list[float] = []
    weights: list[int] = []
    for path in paths:
        reader = ShardReader(path, kind)
        settings = settings or reader.provenance.get("settings", {})
        items += len(reader)
        frames += int(reader.counts.sum())
        size += path.stat().st_size
        failures += [(failed.id, failed.reason) for failed in reader.failures]
        if kind == "flow" and len(reader):
            sizes = np.array([info["height"] * info["width"] for info in reader.info]) * reader.counts
            shares.append(float(np.average([info["clipped"] for info in reader.info], weights=sizes)))
            weights.append(int(sizes.sum()))
    overall = float(np.average(shares, weights=weights)) if shares else None
    return ShardsSummary(kind, len(paths), items, frames, size / 1e6, settings, failures, shares, overall)

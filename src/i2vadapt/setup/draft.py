"""A benchmark that is about to be written: its classes, its files, and what was seen of them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from i2vadapt.config.documents import Benchmark
from i2vadapt.config.parsing import parse
from i2vadapt.data.items import UNLABELLED
from i2vadapt.data.manifest import choose_entries
from i2vadapt.errors import UserError
from i2vadapt.setup.folders import NOUNS
from i2vadapt.setup.pairing import Pairing
from i2vadapt.setup.survey import Survey, look_at_photographs, look_at_videos
from i2vadapt.stages import Side

SHARD_ITEMS = 256


@dataclass(frozen=True)
class Items:
    """The files of one side that belong to a class, or may belong to one.

    Attributes:
        root: the folder.
        counts: number of files of each class, in the order of the labels.
        unlabelled: number of files without a label.
        survey: what some of them show.
    """

    root: Path
    counts: Sequence[int]
    unlabelled: int
    survey: Survey

    @property
    def number(self) -> int:
        """Number of all files."""
        return sum(self.counts) + self.unlabelled

    @property
    def shards(self) -> int:
        """Number of shards."""
        return max(math.ceil(self.number / SHARD_ITEMS), 1)


@dataclass(frozen=True)
class Draft:
    """A benchmark without settings.

    Attributes:
        name: name of the benchmark.
        pairing: classes of both sides.
        classes: names of the classes, in the order of the labels.
        source: the photographs.
        target: the videos.
    """

    name: str
    pairing: Pairing
    classes: Sequence[str]
    source: Items
    target: Items

    @property
    def videos_per_class(self) -> float:
        """Mean number of videos of a class."""
        return self.target.number / len(self.classes)


def make_draft(name: str, pairing: Pairing, photographs: Path, videos: Path, out: Path) -> Draft:
    """Counts the files of the paired classes as the stage manifest will, and looks at some of them.

    Args:
        name: name of the benchmark.
        pairing: its classes.
        photographs: folder of the photographs.
        videos: folder of the videos.
        out: benchmark file, for messages.

    Raises:
        UserError: if two classes have one name, or no file of a side can be read.
    """
    classes = [pair.name for pair in pairing.pairs]
    doubled = [one for one, count in Counter(map(str.casefold, classes)).items() if count > 1]
    if doubled:
        raise UserError(f"{photographs}: two classes would have the name {doubled[0]!r}: rename one of their folders")
    benchmark = parse(Benchmark, _document(name, pairing, {"source": photographs, "target": videos}), str(out))
    return Draft(name, pairing, classes, _items(benchmark, "source"), _items(benchmark, "target"))


def _document(name: str, pairing: Pairing, roots: dict[Side, Path]) -> dict[str, Any]:
    sides = {str(side): {"dataset": dataset_name(name, side), "root": str(root)} for side, root in roots.items()}
    classes = {pair.name: {"source": list(pair.source), "target": list(pair.target)} for pair in pairing.pairs}
    return {"name": name, **sides, "classes": classes}


def dataset_name(name: str, side: Side) -> str:
    """Name of the dataset of one side of a benchmark."""
    return f"{name}-{NOUNS[side]}"


def _items(benchmark: Benchmark, side: Side) -> Items:
    root = Path((benchmark.source if side == "source" else benchmark.target).root)
    entries, _ = choose_entries(benchmark, side)
    counts = Counter(label for _, label in entries)
    look_at = look_at_photographs if side == "source" else look_at_videos
    try:
        survey = look_at([root / entry.id for entry, _ in entries])
    except UserError as error:
        raise UserError(f"{root}: {error}") from None
    return Items(root, [counts[label] for label in range(len(benchmark.classes))], counts[UNLABELLED], survey)

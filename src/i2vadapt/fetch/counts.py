"""Counts of the photographs and videos of a benchmark, by their names alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from i2vadapt.config.documents import Benchmark
from i2vadapt.config.downloads import Preparation
from i2vadapt.config.names import class_key
from i2vadapt.data.labels import label_map
from i2vadapt.data.listing import IMAGE_SUFFIXES, VIDEO_SUFFIXES, walk
from i2vadapt.data.system_files import is_system_file

Counts = dict[str, tuple[int, int]]


def count_classes(benchmark: Benchmark, photographs: Path, videos: Path) -> Counts:
    """Numbers of photographs and videos by class, in the order of the benchmark. No file is opened."""
    sides = [
        _count(photographs, label_map(benchmark, "source"), IMAGE_SUFFIXES),
        _count(videos, label_map(benchmark, "target"), VIDEO_SUFFIXES),
    ]
    return {name: (sides[0][label], sides[1][label]) for label, name in enumerate(benchmark.classes)}


def _count(root: Path, labels: Mapping[str, int], suffixes: frozenset[str]) -> Counter[int]:
    counts: Counter[int] = Counter()
    for name in walk(root) if root.is_dir() else ():
        path = PurePosixPath(name)
        label = labels.get(class_key(path.parts[0])) if len(path.parts) > 1 else None
        named = path.suffix.lower() in suffixes and not is_system_file(name)
        if label is not None and named and (root / name).is_file():  # a link may lead nowhere
            counts[label] += 1
    return counts


def describe_counts(counts: Counts, benchmark: Benchmark, needs: Preparation) -> list[str]:
    """Lines of a table of counts beside the expected ones, the total last."""
    expected = {name: tuple(map(str, needs.expected.get(name, ("?", "?")))) for name in counts}
    rows = [(name, str(one), expected[name][0], str(two), expected[name][1]) for name, (one, two) in counts.items()]
    totals = [str(sum(pair[side] for pair in counts.values())) for side in (0, 1)]
    known = [str(spec.expected or "?") for spec in (benchmark.source, benchmark.target)]
    rows.append(("total", totals[0], known[0], totals[1], known[1]))
    rows.insert(0, ("class", "photographs", "expected", "videos", "expected"))
    width = max(len(row[0]) for row in rows)
    return [f"{row[0]:<{width}}" + "".join(f"{cell:>13}" for cell in row[1:]) for row in rows]

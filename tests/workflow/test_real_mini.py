"""The small real benchmark, where its data is at hand."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from i2vadapt.config.documents import Benchmark, load_benchmark
from i2vadapt.data.manifest import make_manifest

FILE = Path(__file__).parents[2] / "workflow" / "benchmarks" / "real-mini.yaml"


@pytest.fixture
def benchmark(real_data: Path) -> Benchmark:
    """The shipped file, with its roots where the data is."""
    shipped = load_benchmark(FILE)
    roots = {"source": real_data / "real-mini" / "images", "target": real_data / "real-mini" / "videos"}
    sides = {side: getattr(shipped, side).model_copy(update={"root": str(root)}) for side, root in roots.items()}
    return shipped.model_copy(update=sides)


def test_the_class_that_is_not_shared_is_left_out_and_counted(benchmark: Benchmark) -> None:
    manifest = make_manifest(benchmark, "source", 2)
    assert Counter(item.class_name for item in manifest.items) == {"Run": 60, "Sit": 60}
    assert len(manifest.items) == benchmark.source.expected
    assert Counter((row.class_name, row.reason) for row in manifest.excluded) == {("cycling", "class not shared"): 10}


def test_the_videos(benchmark: Benchmark) -> None:
    manifest = make_manifest(benchmark, "target", 2)
    assert Counter((item.class_name, item.label) for item in manifest.items) == {("Run", 0): 15, ("Sit", 1): 15}
    assert len(manifest.items) == benchmark.target.expected
    assert manifest.excluded == []
    assert len({item.digest for item in manifest.items}) == 30

"""The small real benchmark, where its data is at hand."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from i2vadapt.config.documents import Benchmark, load_benchmark
from i2vadapt.data.manifest import make_manifest

FILE = Path(__file__).parents[1] / "support" / "real-mini.yaml"


@pytest.fixture
def benchmark(real_data: Path) -> Benchmark:
    """The benchmark file, with its roots below the folder of the data."""
    written = load_benchmark(FILE)
    specs = {"source": written.source, "target": written.target}
    roots = {side: spec.model_copy(update={"root": str(real_data / spec.root)}) for side, spec in specs.items()}
    return written.model_copy(update=roots)


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

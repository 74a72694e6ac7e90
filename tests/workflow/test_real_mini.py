"""The small real benchmarks, where their data is at hand."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from i2vadapt.config.documents import Benchmark, load_benchmark
from i2vadapt.data.manifest import make_manifest

SUPPORT = Path(__file__).parents[1] / "support"


def rooted(name: str, data: Path) -> Benchmark:
    """A benchmark file, with its roots below the folder of the data."""
    written = load_benchmark(SUPPORT / f"{name}.yaml")
    specs = {"source": written.source, "target": written.target}
    roots = {side: spec.model_copy(update={"root": str(data / spec.root)}) for side, spec in specs.items()}
    return written.model_copy(update=roots)


@pytest.fixture
def benchmark(real_data: Path) -> Benchmark:
    return rooted("real-mini", real_data)


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


def test_four_classes_of_the_papers_benchmark(real_data: Path) -> None:
    if not (real_data / "e2h").is_dir():
        pytest.skip("no photographs and clips of E->H at hand")
    part = rooted("e2h", real_data)
    for side, each in (("source", 50), ("target", 48)):
        manifest = make_manifest(part, side, 2)
        assert Counter(item.class_name for item in manifest.items) == dict.fromkeys(part.classes, each)
        assert len(manifest.items) == getattr(part, side).expected

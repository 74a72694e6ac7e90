"""Time and memory of `snakemake -n` for B->U at full size, with made-up files: before anything ran, and half done.

    python perf/graph.py

Photographs and videos are empty files with their real names' form; manifests are written by the package from made-up
items; the shards of the half that is done are empty files.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from i2vadapt.config.documents import Benchmark, load_benchmark
from i2vadapt.data.items import Item
from i2vadapt.data.manifest import Manifest, write_manifest
from i2vadapt.layout import Results
from i2vadapt.stages import Side, preprocessing

ROOT = Path(__file__).parents[1]
CONFIG = """
benchmarks: [BtoU]
methods: [so_rgb, so_rgb_flow, cfb, full]
seeds: [0, 1, 2]
settings: { depth: { checkpoint: d.pt } }
"""


def make_project(folder: Path) -> Benchmark:
    """A clone without data, and the made-up data of the benchmark file."""
    for name in ("Snakefile", "workflow", "profiles", "envs", "src"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "d.pt").touch()
    (folder / "resources").mkdir()
    (folder / "resources" / "i3d-kinetics400-rgb.safetensors").touch()
    benchmark = load_benchmark(ROOT / "workflow" / "benchmarks" / "BtoU.yaml")
    for spec, suffix in ((benchmark.source, ".jpg"), (benchmark.target, ".avi")):
        for item_id in item_ids(benchmark, spec.expected or 0, suffix):
            path = folder / spec.root / item_id
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return benchmark


def item_ids(benchmark: Benchmark, count: int, suffix: str) -> list[str]:
    """So many names, spread over the classes."""
    names = list(benchmark.classes)
    return [f"{names[number % len(names)]}/{number:05d}{suffix}" for number in range(count)]


def make_half(folder: Path, benchmark: Benchmark) -> None:
    """Manifests of all items, and the shards of every other number."""
    sides: tuple[tuple[Side, str], ...] = (("source", ".jpg"), ("target", ".avi"))
    for side, suffix in sides:
        spec = getattr(benchmark, side)
        out = Results(folder / "results").dataset(spec.dataset)
        ids = item_ids(benchmark, spec.expected or 0, suffix)
        items = sorted(Item(item_id, f"{spec.root}/{item_id}", "", 0, "0" * 64) for item_id in ids)
        write_manifest(Manifest(items, []), spec.shards, out.path, ["made-up"] * spec.shards)
        for stage in preprocessing(side):
            for shard in out.shards(str(stage.kind), spec.shards)[::2]:
                shard.parent.mkdir(exist_ok=True)
                shard.touch()


def dry_run(folder: Path) -> tuple[int, float, float]:
    """Jobs, seconds, and peak memory in MB."""
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "snakemake", "-n", "--cores", "8", "--quiet", "rules"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    output = process.stdout.read() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - started
    if status:
        raise SystemExit(output)
    jobs = next(line.split()[1] for line in output.splitlines() if line.startswith("total"))
    return int(jobs), seconds, usage.ru_maxrss / 1024


def main() -> None:
    """Prints a line a state."""
    folder = Path(tempfile.mkdtemp())
    try:
        benchmark = make_project(folder)
        for state in ("nothing done", "half done"):
            if state == "half done":
                make_half(folder, benchmark)
            for attempt in ("first", "second"):
                jobs, seconds, memory = dry_run(folder)
                print(f"B->U, {state}, {attempt} time: {jobs} jobs, {seconds:.1f} s, {memory:.0f} MB")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()

"""Time and memory of `snakemake -n`, with made-up files, on this file system and on one that takes 1 ms a stat.

    python perf/graph.py

Measured are B->U at full size, before anything ran and half done; the same as a job of a cluster sees it, which reads
the workflow again; and 240,000 videos. Photographs and videos are empty files with their real names' form; manifests
are written by the package from made-up items; the shards of the half that is done are empty files.
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
SLOW_STAT = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>
#define SLOW(name, parameters, ...) \\
    int name parameters { static int (*real) parameters; if (!real) real = dlsym(RTLD_NEXT, #name); \\
    usleep(1000); return real(__VA_ARGS__); }
SLOW(stat64, (const char *path, struct stat64 *found), path, found)
SLOW(lstat64, (const char *path, struct stat64 *found), path, found)
SLOW(fstatat64, (int folder, const char *path, struct stat64 *found, int flags), folder, path, found, flags)
"""
NODE = ("--mode", "remote", "--force", "--no-hooks", "--nolock", "--ignore-incomplete", "--target-jobs")
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
    (folder / "weights").mkdir()
    (folder / "weights" / "i3d-kinetics400-rgb.safetensors").touch()
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


def dry_run(folder: Path, *arguments: str, preload: Path | None = None) -> tuple[int, float, float]:
    """Jobs, seconds, and peak memory in MB."""
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "snakemake", "-n", "--cores", "8", "--quiet", "rules", *arguments],
        cwd=folder,
        env={**os.environ, "LD_PRELOAD": str(preload)} if preload else None,
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


def build_slow_stat(folder: Path) -> Path:
    """A library that delays every stat by 1 ms."""
    library = folder / "slow_stat.so"
    (folder / "slow_stat.c").write_text(SLOW_STAT)
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(folder / "slow_stat.c"), "-ldl"], check=True
    )
    return library


def add_many_videos(folder: Path, count: int) -> None:
    """Replaces the target by as many videos as Kinetics-400 has."""
    (folder / "config.yaml").write_text(CONFIG.replace("BtoU", "many.yaml"))
    text = (ROOT / "workflow" / "benchmarks" / "BtoU.yaml").read_text().replace("name: BtoU", "name: many")
    text = text.replace(
        "dataset: UCF101, root: data/UCF-101, shards: 53", "dataset: many, root: data/many, shards: 938"
    )
    (folder / "many.yaml").write_text(text)
    for item_id in item_ids(load_benchmark(folder / "many.yaml"), count, ".avi"):
        path = folder / "data" / "many" / item_id
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def main() -> None:
    """Prints a line a state."""
    folder = Path(tempfile.mkdtemp())

    def measure(name: str, *arguments: str, preload: Path | None = None) -> None:
        jobs, seconds, memory = dry_run(folder, *arguments, preload=preload)
        print(f"{name}: {jobs} jobs, {seconds:.1f} s, {memory:.0f} MB", flush=True)

    try:
        benchmark, slow = make_project(folder), build_slow_stat(folder)
        measure("B->U, nothing done")
        make_half(folder, benchmark)
        measure("B->U, half done")
        measure("B->U, half done, 1 ms a stat", preload=slow)
        node = (*NODE, "decode:dataset=UCF101,shard=0001", "--allowed-rules", "decode")
        measure("the same, in a job of a cluster", *node)
        measure("the same, in a job of a cluster, 1 ms a stat", *node, preload=slow)
        add_many_videos(folder, 240_000)
        measure("240,000 videos")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()

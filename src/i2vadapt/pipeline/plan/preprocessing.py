"""Rates of the stages on this machine: each sub-command is run on two items and on eighteen, as the workflow does."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from i2vadapt import stages
from i2vadapt.config.settings import Settings
from i2vadapt.data.items import Item, write_items
from i2vadapt.errors import UserError
from i2vadapt.layout import DatasetFolder, shard_name
from i2vadapt.pipeline.jobs import has_exact_flow, stage_settings
from i2vadapt.pipeline.plan.costs import Rate
from i2vadapt.pipeline.plan.sample import Sample
from i2vadapt.stages import Side, Stage

_LONG_ENOUGH = 10.0  # seconds that show a rate in spite of other work on the machine
_SHARD = shard_name(0)
Command = Callable[[DatasetFolder], list[str]]


def measure_stages(sample: Sample, settings: Settings, folder: Path, cores: int) -> dict[Stage, Rate]:
    """Runs the stages of one side, one after another.

    Args:
        sample: the items.
        settings: of the stages.
        folder: where `few` and `many` are made, each like a dataset's folder of results.
        cores: of the machine; a job takes at most as many as the stage's rule has threads.
    """
    few, many = (DatasetFolder(folder / name) for name in ("few", "many"))
    for dataset, items in ((few, sample.few), (many, sample.many)):
        _write_tables(dataset, items)
    rates = {}
    for stage in stages.preprocessing(sample.side):
        threads = min(stage.threads, cores)
        command = _command(stage, sample.side, settings, threads)
        rates[stage] = _measure(command, (few, many), sample.frames_between(), threads)
    return rates


def _write_tables(dataset: DatasetFolder, items: Sequence[Item]) -> None:
    write_items(dataset.items(_SHARD), items)
    write_items(dataset.manifest, items)


def _command(stage: Stage, side: Side, settings: Settings, threads: int) -> Command:
    """Arguments of a stage's sub-command, as the stage's rule gives them."""
    depth_settings = stage_settings(stages.DEPTH, side, settings)

    def command(dataset: DatasetFolder) -> list[str]:
        depth, frames = dataset.shard("depth", _SHARD), dataset.shard("frames", _SHARD)
        items = ["--items", dataset.items(_SHARD)]
        inputs = {
            stages.DEPTH: items,
            stages.SYNTHESIZE: [*items, "--depth", depth, "--depth-settings", depth_settings],
            stages.DECODE: items,
            stages.FLOW: ["--frames", frames, *(["--depth", depth] if has_exact_flow(side, settings) else [])],
        }[stage]
        out = dataset.shard(str(stage.kind), _SHARD)
        workers = [] if stage is stages.DEPTH else ["--workers", threads]
        options = [*inputs, "--out", out, "--settings", stage_settings(stage, side, settings), *workers]
        return [stage.name, *map(str, options), "--max-failed-share", "1"]

    return command


def _measure(command: Command, datasets: tuple[DatasetFolder, DatasetFolder], work: int, threads: int) -> Rate:
    few, many = map(command, datasets)
    run(few, threads)  # compiles, and fills the caches
    start = best_time(few, threads)
    seconds = max(best_time(many, threads) - start, 1e-3) / work
    less, more = (_output(arguments).stat().st_size for arguments in (few, many))
    return Rate(start, seconds, (more - less) / work)


def _output(arguments: list[str]) -> Path:
    return Path(arguments[arguments.index("--out") + 1])


def best_time(arguments: list[str], threads: int) -> float:
    """Seconds of a sub-command that makes its output again: the best of three times, of fewer where they are long."""
    times: list[float] = []
    while len(times) < 3 and sum(times) < _LONG_ENOUGH:
        _output(arguments).unlink(missing_ok=True)
        times.append(run(arguments, threads))
    return min(times)


def run(arguments: list[str], threads: int) -> float:
    """Seconds of a sub-command in a process of its own, with as many threads as the workflow gives it.

    Raises:
        UserError: if it fails.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    started = time.monotonic()
    result = subprocess.run(
        [sys.executable, "-m", "i2vadapt", *arguments], env=environment, capture_output=True, text=True
    )
    if result.returncode:
        raise UserError(f"{arguments[0]} failed on the sample:\n{result.stderr.strip()}")
    return time.monotonic() - started

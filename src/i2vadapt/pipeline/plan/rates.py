"""Rates of the stages on this machine: each sub-command is run on two items and on eighteen, as the workflow does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from i2vadapt.config.settings import Settings
from i2vadapt.data.items import Item, write_items
from i2vadapt.errors import UserError
from i2vadapt.pipeline.plan.sample import Sample

WORKERS = 4  # threads of the workflow's rules
_LONG_ENOUGH = 10.0  # seconds that tell a rate in spite of other work on the machine
Command = Callable[[Path], list[str]]


@dataclass(frozen=True)
class Rate:
    """What a stage takes.

    Attributes:
        start: seconds of a job before and after its work.
        seconds: of one photograph, or one frame of a video, in a job of its own.
        size: bytes that it stores.
    """

    start: float
    seconds: float
    size: float


def measure_stages(sample: Sample, settings: Settings, folder: Path, cores: int) -> dict[str, Rate]:
    """Runs the stages of one side, one after another.

    Args:
        sample: the items.
        settings: of the stages.
        folder: where `few` and `many` are made, each like a dataset's folder of results.
        cores: of the machine; a job takes at most four.
    """
    for name, items in (("few", sample.few), ("many", sample.many)):
        _write_tables(folder / name, items)
    stages = {"source": ("depth", "synthesize", "flow"), "target": ("decode", "flow")}[sample.side]
    work = sample.frames_between()
    return {stage: _measure(_command(stage, sample.side, settings, cores), folder, work, cores) for stage in stages}


def _write_tables(folder: Path, items: Sequence[Item]) -> None:
    write_items(folder / "items" / "0000.csv", items)
    write_items(folder / "manifest.csv", items)


def _command(stage: str, side: str, settings: Settings, cores: int) -> Command:
    sections = {"depth": settings.depth, "synthesize": settings.synthesis, "decode": settings.decode}
    section = sections.get(stage, settings.flow)
    if stage == "flow" and side == "target":
        section = settings.flow.model_copy(update={"source": "tvl1"})
    geometric = stage == "flow" and side == "source" and settings.flow.source == "geometric"

    def command(folder: Path) -> list[str]:
        table, depth, frames = (folder / name for name in ("items/0000.csv", "depth/0000.h5", "frames/0000.h5"))
        inputs = {
            "depth": ["--items", table],
            "synthesize": ["--items", table, "--depth", depth, "--depth-settings", settings.depth.model_dump_json()],
            "decode": ["--items", table],
            "flow": ["--frames", frames, *(["--depth", depth] if geometric else [])],
        }
        out = {"depth": depth, "flow": folder / "flow" / "0000.h5"}.get(stage, frames)
        workers = [] if stage == "depth" else ["--workers", min(WORKERS, cores)]
        options = [*inputs[stage], "--out", out, "--settings", json.dumps(section.model_dump(mode="json")), *workers]
        return [stage, *map(str, options), "--max-failed-share", "1"]

    return command


def _measure(command: Command, folder: Path, work: int, cores: int) -> Rate:
    few, many = (folder / name for name in ("few", "many"))
    run(command(few), cores)  # compiles, and fills the caches
    start = best_time(command(few), cores)
    seconds = max(best_time(command(many), cores) - start, 1e-3) / work
    less, more = (_output(command(folder)).stat().st_size for folder in (few, many))
    return Rate(start, seconds, (more - less) / work)


def _output(arguments: list[str]) -> Path:
    return Path(arguments[arguments.index("--out") + 1])


def best_time(arguments: list[str], cores: int) -> float:
    """Seconds of a sub-command that makes its output anew: the best of three times, of fewer where they are long."""
    times: list[float] = []
    while len(times) < 3 and sum(times) < _LONG_ENOUGH:
        _output(arguments).unlink(missing_ok=True)
        times.append(run(arguments, cores))
    return min(times)


def run(arguments: list[str], cores: int) -> float:
    """Seconds of a sub-command in a process of its own, with as many threads as the workflow gives it."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(min(WORKERS, cores))}
    started = time.monotonic()
    result = subprocess.run(
        [sys.executable, "-m", "i2vadapt", *arguments], env=environment, capture_output=True, text=True
    )
    if result.returncode:
        raise UserError(f"{arguments[0]} failed on the sample:\n{result.stderr.strip()}")
    return time.monotonic() - started

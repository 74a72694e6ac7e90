"""Section `stage` of `perf/gpu.py`: pairs per second of the whole stage flow, from JPEG frames to JPEG flow."""

from __future__ import annotations

import logging
import tempfile
import time
from pathlib import Path

import gpu_loader
import loader
from gpu_table import Table

from i2vadapt.config.preprocessing import FlowSettings
from i2vadapt.data.shards.reader import ShardReader
from i2vadapt.flow.stage import run_flow
from i2vadapt.layout import shard_name


class Messages(logging.Handler):
    """Keeps what the stage says."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps a message."""
        self.lines.append(record.getMessage())


def measure(table: Table) -> None:
    """Prints the rows; the first run compiles, the second one counts."""
    side, videos, copies, workers = (48, 2, 2, 2) if table.tiny else (256, 3, 24, gpu_loader.WORKERS)
    messages, logger = Messages(), logging.getLogger("i2vadapt.flow.stage")
    logger.setLevel(logging.INFO)
    logger.addHandler(messages)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        gpu_loader.write_dataset(root, [loader.film(number, side) for number in range(videos)], copies)
        frames = root / "frames" / f"{shard_name(0)}.h5"
        pairs, seconds = int((ShardReader(frames).counts - 1).sum()), 0.0
        for turn in range(2):
            started = time.perf_counter()
            run_flow(frames, root / f"{turn}.h5", FlowSettings(), workers, 0.0)
            seconds = time.perf_counter() - started
    table.row(f"JPEG frames to JPEG flow, {workers} workers", pairs / seconds, "pairs", f"{pairs} pairs, {side} rows")
    for line in messages.lines[len(messages.lines) // 2 :]:
        table.note("says", line)

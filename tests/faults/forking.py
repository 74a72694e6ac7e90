"""A process that has imported everything and runs i2vadapt commands in forks of itself, so that kills hit the work.

A command starts in milliseconds instead of seconds. Reads one JSON object a line: arguments, a file for its log, and a
file that grows by a byte with every item done. Answers with the process id, then with the exit status.
"""

from __future__ import annotations

import importlib
import json
import os
import sys

import cv2
import torch

from i2vadapt.cli import main
from i2vadapt.runtime.progress import Progress

STAGES = ("depth.stage", "synthesis.stage", "flow.stage", "data.decode")


def count_items_in(path: str) -> None:
    """Every item that a stage reports as done adds a byte to the file, which outlives the process."""
    trace = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    update = Progress.update

    def update_and_count(self: Progress, count: int = 1) -> None:
        os.write(trace, b"." * count)
        update(self, count)

    Progress.update = update_and_count  # type: ignore[method-assign]


def run(order: dict[str, object]) -> int:
    log = os.open(str(order["log"]), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(log, 1)
    os.dup2(log, 2)
    count_items_in(str(order["trace"]))
    return main([str(argument) for argument in order["arguments"]])  # type: ignore[attr-defined]


if __name__ == "__main__":
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    for stage in STAGES:
        importlib.import_module(f"i2vadapt.{stage}")
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            os.setpgid(0, 0)
            status = 99
            try:
                status = run(json.loads(line))
            finally:
                os._exit(status)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)

"""Commands that are killed: started in forks, ended with SIGKILL, compared with an uninterrupted run."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

FORKING = Path(__file__).parent / "forking.py"


@dataclass(frozen=True)
class Moment:
    """When to kill: so many items are done, a file is there, and then so many seconds have passed.

    No load of the machine shifts it. The file is given by a folder and a pattern.
    """

    items: int = 0
    seconds: float = 0.0
    file: tuple[Path, str] | None = None

    def has_come(self, trace: Path) -> bool:
        done = trace.stat().st_size if trace.exists() else 0
        return trace.exists() and done >= self.items and (self.file is None or any(self.file[0].glob(self.file[1])))


@dataclass(frozen=True)
class Outcome:
    """How a command ended: its exit status (-9: killed), its seconds, its log, the items it reported as done."""

    status: int
    seconds: float
    log: str
    items: int


class Forks:
    """Runs commands in forks of one warm process; a context manager."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process = subprocess.Popen(
            [sys.executable, str(FORKING)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, arguments: Sequence[object], moment: Moment | None = None) -> Outcome:
        """Runs a command, to its end or to a moment."""
        assert self._process.stdin is not None
        log, trace = self._folder / "log.txt", self._folder / "trace"
        log.unlink(missing_ok=True)
        trace.unlink(missing_ok=True)
        order = {"arguments": list(map(str, arguments)), "log": str(log), "trace": str(trace)}
        started = time.monotonic()
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        process = self._read()
        if moment is not None:
            threading.Thread(target=_kill_at, args=(process, moment, trace), daemon=True).start()
        status = self._read()
        seconds = time.monotonic() - started
        items = trace.stat().st_size if trace.exists() else 0
        return Outcome(status, seconds, log.read_text() if log.exists() else "", items)

    def _read(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())

    def __enter__(self) -> Forks:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)
        if self._process.stdout is not None:
            self._process.stdout.close()


def _kill_at(process: int, moment: Moment, trace: Path) -> None:
    # The command leads a process group of its own, which is gone when it has ended before.
    while not moment.has_come(trace):
        time.sleep(0.0005)
        if not Path(f"/proc/{process}").exists():
            return
    time.sleep(moment.seconds)
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)

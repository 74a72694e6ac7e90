"""The state of a job, from the files that it leaves and the processes of this machine."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from i2vadapt import stages
from i2vadapt.errors import ERROR_PREFIX, UserError
from i2vadapt.files.locking import is_locked
from i2vadapt.files.tables import read_table
from i2vadapt.layout import RunFolder, partial_folder
from i2vadapt.pipeline.status.work import Job

Word = Literal["done", "running", "failed", "stopped", "missing"]
WORDS: tuple[Word, ...] = ("done", "running", "failed", "stopped", "missing")

_FRESH = 120.0  # seconds since a job elsewhere wrote to its log; trainings write every minute
_TAIL = 1 << 16  # bytes of a log that are read
_RESUMES = "run the same command again to resume"
_EPOCH = re.compile(r"\bepoch (\d+) of \d+: ")


@dataclass(frozen=True)
class State:
    """The state of a job.

    Attributes:
        word: done; running; failed, with a message; stopped, where it will go on; or missing.
        message: last error of a job that failed or was stopped.
        epoch: number of finished epochs of a training that is not done.
    """

    word: Word
    message: str = ""
    epoch: int | None = None


def judge(job: Job, working: set[str]) -> State:
    """Finds the state of a job.

    A job on another machine counts as running if it has the lock of its run, or has written to its log within two
    minutes.

    Args:
        job: the job.
        working: what commands on this machine are making, from `outputs_in_work`.
    """
    if job.output.exists():
        return State("done")
    log, age = _read_log(job.log)
    error = _last_error(log)
    epoch = _finished_epochs(RunFolder(job.out), log) if job.epochs is not None else None
    locked = job.stage == stages.TRAIN.name and is_locked(RunFolder(job.out).lock)
    if locked or os.path.realpath(job.out) in working or (log and not error and age < _FRESH):
        return State("running", epoch=epoch)
    if error and _RESUMES not in error:
        return State("failed", error, epoch)
    if error or _has_begun(job):
        return State("stopped", error, epoch)
    return State("missing")


def outputs_in_work() -> set[str]:
    """Real paths of what this package's commands on this machine were given as --out."""
    return {path for folder in Path("/proc").glob("[0-9]*") for path in _outputs_of(folder)}


def _outputs_of(process: Path) -> Iterator[str]:
    try:
        arguments = process.joinpath("cmdline").read_bytes().split(b"\0")
        if b"i2vadapt" in arguments and b"--out" in arguments[:-1]:
            place = os.fsdecode(arguments[arguments.index(b"--out") + 1])
            yield os.path.realpath(os.path.join(os.readlink(process / "cwd"), place))
    except OSError:  # it has ended, or belongs to someone else
        return


def _read_log(path: Path) -> tuple[str, float]:
    """The end of a log, and the seconds since it was last written; empty without one."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            file.seek(max(status.st_size - _TAIL, 0))
            return file.read().decode("utf-8", "replace"), time.time() - status.st_mtime
    except OSError:
        return "", 0.0


def _last_error(log: str) -> str:
    """The last line that a command reported as an error, or that ends the trace of an exception; empty without one."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    reported = [line.removeprefix(ERROR_PREFIX) for line in lines if line.startswith(ERROR_PREFIX)]
    if reported:
        return reported[-1]
    return lines[-1] if any(line.startswith("Traceback (most recent call last)") for line in lines) else ""


def _finished_epochs(folder: RunFolder, log: str) -> int:
    """Finished epochs of a training that is not done; metrics.csv is missing until the first epoch after a restart."""
    numbers = [int(number) for number in _EPOCH.findall(log)]
    with contextlib.suppress(UserError, ValueError):
        numbers += [int(row["epoch"]) for row in read_table(folder.metrics, ("epoch",))]
    if folder.state.exists():
        numbers += [int(file.stem) for file in folder.scores(0).parent.glob("[0-9]*") if file.stem.isdecimal()]
    return max(numbers, default=0)


def _has_begun(job: Job) -> bool:
    """Whether there is unfinished work that the next attempt goes on with."""
    return RunFolder(job.out).state.exists() if job.epochs is not None else partial_folder(job.output).is_dir()

"""The CPU cores that a job may use, which are fewer than those of its machine."""

from __future__ import annotations

import math
import os
from pathlib import Path

_THREAD_VARIABLES = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"),
    *("NUMBA_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"),
)
_CGROUP = Path("/sys/fs/cgroup")


def available_cores() -> int:
    """Number of cores that this process may use, at least 1.

    It is the smallest of: the cores that the process is bound to (taskset, SLURM's and Docker's cpusets), the quota of
    its control group (`docker --cpus`, Kubernetes), and the cores that SLURM gave to the task, which not every cluster
    also binds.
    """
    limits = [len(os.sched_getaffinity(0)), *_quotas(), *_slurm_limits()]
    return max(min(limits), 1)


def thread_count() -> int:
    """Number of threads that this process may use: OMP_NUM_THREADS, at most `available_cores`.

    Snakemake sets the variable to the threads of the job, which nothing binds to cores.
    """
    chosen = os.environ.get("OMP_NUM_THREADS", "")
    cores = available_cores()
    return min(int(chosen), cores) if chosen.isdecimal() and int(chosen) else cores


def limit_threads() -> None:
    """Limits the threads of PyTorch, NumPy, Numba and OpenCV to `thread_count`; by themselves they see bindings only.

    To be called before they are imported. Variables that are set stay as they are.
    """
    threads = thread_count()
    if threads < len(os.sched_getaffinity(0)):
        for name in _THREAD_VARIABLES:
            os.environ.setdefault(name, str(threads))


def _quotas() -> list[int]:
    """Cores of the quotas of this process's control group and those above it, rounded up."""
    try:
        own = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    below = next((line.removeprefix("0::/") for line in own if line.startswith("0::/")), "")
    group = _CGROUP / below
    folders = [group, *(parent for parent in group.parents if parent.is_relative_to(_CGROUP))]
    # Version 2 writes "<quota> <period>" into one file, version 1 into two; no quota is "max" or -1.
    files = [[folder / "cpu.max"] for folder in folders]
    files.append([_CGROUP / "cpu" / f"cpu.cfs_{name}_us" for name in ("quota", "period")])
    return [cores for names in files if (cores := _quota(names))]


def _quota(files: list[Path]) -> int:
    try:
        quota, period = " ".join(file.read_text() for file in files).split()
        return math.ceil(max(int(quota), 0) / int(period))
    except (OSError, ValueError, ZeroDivisionError):
        return 0


def _slurm_limits() -> list[int]:
    values = (os.environ.get(name, "") for name in ("SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE"))
    return [int(value) for value in values if value.isdecimal() and int(value)]

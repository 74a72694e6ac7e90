from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from i2vadapt.runtime import cores
from i2vadapt.runtime.cores import available_cores, thread_count

BOUND = len(os.sched_getaffinity(0))


@pytest.fixture(autouse=True)
def no_limits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither SLURM, nor a quota, nor a number of threads."""
    for name in ("SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(cores, "_CGROUP", tmp_path)


def bound_to_one_core(*command: str, **environment: str) -> str:
    core = min(os.sched_getaffinity(0))
    return subprocess.run(
        [sys.executable, *command],
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        capture_output=True,
        check=True,
        text=True,
        env={**{name: value for name, value in os.environ.items() if "_NUM_THREADS" not in name}, **environment},
    ).stdout


def test_a_binding_limits_defaults_and_threads() -> None:
    for command in ("decode", "synthesize", "flow", "verify", "demo"):
        shown = " ".join(bound_to_one_core("-m", "i2vadapt", command, "--help").split())
        assert "number of worker processes (1: the cores that this process may use)" in shown
    assert "number of CPU cores to plan for (1)" in " ".join(
        bound_to_one_core("-m", "i2vadapt", "plan", "--help").split()
    )
    code = (
        "import torch, cv2, numba; print(torch.get_num_threads(), cv2.getNumThreads(), numba.config.NUMBA_NUM_THREADS)"
    )
    assert bound_to_one_core("-c", code).split() == ["1", "1", "1"]


def test_slurm_limits_cores_that_are_not_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    assert available_cores() == BOUND
    monkeypatch.setenv("SLURM_CPUS_ON_NODE", str(BOUND + 3))
    assert available_cores() == BOUND
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "1")
    assert available_cores() == 1
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "")
    assert available_cores() == BOUND


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu.max": "max 100000\n"}, BOUND),
        ({"cpu/cpu.cfs_quota_us": "100000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, BOUND),
        ({"cpu.max": "what\n"}, BOUND),
    ],
)
def test_a_quota_of_the_control_group_limits_cores(tmp_path: Path, files: dict[str, str], expected: int) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert available_cores() == expected


def test_the_threads_of_a_job_are_at_most_its_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    for text, expected in (("1", 1), ("999", BOUND), ("", BOUND), ("4,2", BOUND), ("0", BOUND)):
        monkeypatch.setenv("OMP_NUM_THREADS", text)
        assert thread_count() == expected


def test_libraries_get_the_threads_that_they_cannot_find_out() -> None:
    code = (
        "import os; os.sched_getaffinity = lambda _: set(range(8)); from i2vadapt.runtime.cores import limit_threads;"
    )
    code += " limit_threads(); import torch, cv2, numba;"
    code += " print(torch.get_num_threads(), cv2.getNumThreads(), numba.config.NUMBA_NUM_THREADS)"
    environment = {name: value for name, value in os.environ.items() if "_NUM_THREADS" not in name}
    for given in ({"SLURM_CPUS_PER_TASK": "1"}, {"OMP_NUM_THREADS": "1"}):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, check=True, text=True, env=environment | given
        )
        assert done.stdout.split() == ["1", "1", "1"]

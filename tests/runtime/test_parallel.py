from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from mounts import NO_SHARED_MEMORY, with_mounts

from i2vadapt.errors import UserError
from i2vadapt.runtime.parallel import map_over_devices, ordered_map, prefetch


def square_slowly_at_first(number: int) -> tuple[int, int]:
    time.sleep(0.2 if number == 0 else 0)
    return number * number, os.getpid()


def die(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def refuse(number: int) -> int:
    raise UserError(f"item {number} is no good")


def test_results_come_in_order_from_other_processes() -> None:
    results = list(ordered_map(square_slowly_at_first, range(20), 2))
    assert [value for value, _ in results] == [number * number for number in range(20)]
    assert os.getpid() not in {process for _, process in results}


def test_one_worker_stays_in_this_process_and_is_lazy() -> None:
    seen = []

    def note(number: int) -> int:
        seen.append(number)
        return number

    results = ordered_map(note, range(5), 1)
    assert next(results) == 0
    assert seen == [0]


def test_every_device_has_one_process_and_results_come_in_order() -> None:
    results = list(map_over_devices(square_slowly_at_first, range(9), ["cpu", "cpu"]))
    assert [value for value, _ in results] == [number * number for number in range(9)]
    processes = [process for _, process in results]
    assert len(set(processes)) == 2
    assert processes[::2] == [processes[0]] * 5
    with pytest.raises(UserError, match="process of a device was killed"):
        list(map_over_devices(die, range(8), ["cpu", "cpu"]))


def test_a_killed_worker_is_reported_in_one_line() -> None:
    with pytest.raises(UserError, match=r"worker process was killed \(out of memory\?\); use fewer --workers"):
        list(ordered_map(die, range(8), 2))


def test_errors_of_workers_are_raised_unchanged() -> None:
    with pytest.raises(UserError, match=r"\Aitem 0 is no good\Z"):
        list(ordered_map(refuse, range(4), 2))


def test_a_thread_prefetches_up_to_its_limit() -> None:
    made: list[int] = []
    third = threading.Event()

    def numbers() -> Iterator[int]:
        for number in range(6):
            made.append(number)
            if number == 2:
                third.set()
            yield number

    results = prefetch(numbers(), 2)
    assert next(results) == 0
    assert third.wait(100), "the next two are made while the first is in use"
    time.sleep(0.05)
    assert made == [0, 1, 2]
    assert list(results) == [1, 2, 3, 4, 5]


def test_parts_of_a_chain_work_at_the_same_time() -> None:
    meeting = threading.Barrier(2, timeout=100)  # times out unless one part makes item 1 while the other handles item 0

    def first(number: int) -> int:
        if number == 1:
            meeting.wait()
        return number

    def second(number: int) -> int:
        if number == 0:
            meeting.wait()
        return -number

    assert list(prefetch(map(second, prefetch(map(first, range(3)))))) == [0, -1, -2]


def test_an_error_is_raised_at_the_failed_result() -> None:
    results = prefetch(map(square_unless_three, range(5)))
    assert [next(results) for _ in range(3)] == [0, 1, 4]
    with pytest.raises(UserError, match="item 3"):
        next(results)
    assert list(results) == []


def square_unless_three(number: int) -> int:
    return number * number if number != 3 else int(refuse(number))


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import os, time\n"
        "from i2vadapt.runtime.parallel import ordered_map\n"
        "def work(number):\n"
        "    time.sleep(0.05)\n"
        "    return os.getpid()\n"
        "if __name__ == '__main__':\n"
        "    for process in ordered_map(work, range(10_000), 2):\n"
        "        print(process, flush=True)\n"
    )
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    workers = {int(parent.stdout.readline()) for _ in range(8)}
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 100
    while any(Path(f"/proc/{worker}").exists() for worker in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [worker for worker in workers if Path(f"/proc/{worker}").exists()]
    parent.stdout.close()


def test_without_shared_memory_one_process_does_the_work() -> None:
    code = "from i2vadapt.runtime.parallel import ordered_map; print(*ordered_map(abs, [-1, 2, -3], 2))"
    done = subprocess.run(
        with_mounts(NO_SHARED_MEMORY, [sys.executable, "-c", code]), capture_output=True, text=True, timeout=100
    )
    assert done.stdout == "1 2 3\n"
    assert done.stderr.startswith("working in one process, not in 2: no semaphores (")
    assert done.stderr.endswith("): is /dev/shm mounted?\n")

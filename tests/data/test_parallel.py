from __future__ import annotations

import os
import signal
import time

import pytest

from i2vadapt.data.parallel import ordered_map
from i2vadapt.errors import UserError


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


def test_a_killed_worker_is_one_clear_line() -> None:
    with pytest.raises(UserError, match=r"worker process was killed \(out of memory\?\): use fewer --workers"):
        list(ordered_map(die, range(8), 2))


def test_errors_of_workers_arrive_as_they_are() -> None:
    with pytest.raises(UserError, match=r"\Aitem 0 is no good\Z"):
        list(ordered_map(refuse, range(4), 2))

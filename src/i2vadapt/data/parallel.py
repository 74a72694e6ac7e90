"""One ordered map over processes, for the stages whose work is independent from item to item."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

import cv2

from i2vadapt.errors import UserError

In = TypeVar("In")
Out = TypeVar("Out")


def ordered_map(function: Callable[[In], Out], work: Sequence[In], workers: int) -> Iterator[Out]:
    """Applies a picklable function in `workers` processes and yields the results in order.

    At most four results a worker are under way at once, so that memory stays bounded however slowly they are used.

    Raises:
        UserError: if a worker was killed, as the system does when memory runs out.
    """
    if workers <= 1 or len(work) <= 1:
        yield from map(function, work)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(work)), context, initializer=_use_one_thread) as pool:
        waiting: deque[Future[Out]] = deque()
        try:
            yield from _windowed(pool, function, work, 4 * workers, waiting)
        except BrokenProcessPool:
            raise UserError(
                "a worker process was killed (out of memory?): use fewer --workers, or give more memory"
            ) from None
        finally:
            for future in waiting:
                future.cancel()


def _windowed(
    pool: ProcessPoolExecutor,
    function: Callable[[In], Out],
    work: Iterable[In],
    window: int,
    waiting: deque[Future[Out]],
) -> Iterator[Out]:
    for item in work:
        waiting.append(pool.submit(function, item))
        if len(waiting) >= window:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _use_one_thread() -> None:
    cv2.setNumThreads(1)

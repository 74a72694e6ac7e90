"""Work that is independent from item to item: an ordered map over processes, and iterators that threads run ahead."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from multiprocessing.connection import wait
from typing import TypeVar

import cv2

from i2vadapt.errors import UserError
from i2vadapt.runtime.devices import use_device

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
    with ProcessPoolExecutor(min(workers, len(work)), context, initializer=_prepare_worker) as pool:
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


def map_over_devices(function: Callable[[In], Out], work: Iterable[In], devices: Sequence[str]) -> Iterator[Out]:
    """Applies a picklable function in one process for each device, in turns, and yields the results in order.

    In each process `cuda` means its device. Two results a process are under way at once.

    Raises:
        UserError: if a process was killed.
    """
    context = multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        pools = [
            stack.enter_context(ProcessPoolExecutor(1, context, initializer=_prepare_device, initargs=(device,)))
            for device in devices
        ]
        waiting: deque[Future[Out]] = deque()
        try:
            for pool, item in zip(itertools.cycle(pools), work, strict=False):
                waiting.append(pool.submit(function, item))
                if len(waiting) >= 2 * len(pools):
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool:
            raise UserError("the process of a device was killed (out of memory?)") from None
        finally:
            for future in waiting:
                future.cancel()


def prefetch(results: Iterable[Out], count: int = 2) -> Iterator[Out]:
    """Yields what an iterable yields, while a thread has it work at most `count` results ahead.

    One around each part of a chain keeps all parts busy at once, where they leave Python's lock alone as decoders,
    encoders and GPUs do. An error comes out where its result would have.
    """
    iterator, end = iter(results), object()
    thread = ThreadPoolExecutor(1)
    try:
        waiting = deque(thread.submit(next, iterator, end) for _ in range(count))
        while (result := waiting.popleft().result()) is not end:
            waiting.append(thread.submit(next, iterator, end))
            yield result  # type: ignore[misc]
    finally:
        thread.shutdown(cancel_futures=True)


def _prepare_worker() -> None:
    cv2.setNumThreads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _prepare_device(name: str) -> None:
    use_device(name)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A parent that is killed (kill -9, out of memory) can't end its workers, which would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)

"""Parallel work on independent items: ordered maps over processes, threads and devices, and prefetching in a thread."""

from __future__ import annotations

import itertools
import logging
import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from multiprocessing.connection import wait
from pathlib import Path
from typing import TypeVar

import cv2

from i2vadapt.errors import UserError
from i2vadapt.runtime.devices import use_device

_logger = logging.getLogger(__name__)

SHARED_MEMORY = Path("/dev/shm")

In = TypeVar("In")
Out = TypeVar("Out")


def problem_with_processes() -> str:
    """Why this process cannot start others; "" if it can. They need semaphores, which lie in shared memory."""
    try:
        multiprocessing.get_context("fork").Semaphore()
    except (OSError, ImportError) as error:
        return f"no semaphores ({error.strerror if isinstance(error, OSError) else error}): is {SHARED_MEMORY} mounted?"
    return ""


def ordered_map(function: Callable[[In], Out], work: Sequence[In], workers: int) -> Iterator[Out]:
    """Applies a picklable function in `workers` processes and yields the results in order.

    At most four results per worker are in flight, so memory stays bounded however slowly the results are consumed.

    Raises:
        UserError: if a worker was killed, for example by the system because memory ran out.
    """
    problem = problem_with_processes() if workers > 1 and len(work) > 1 else ""
    if problem:
        _logger.warning("working in one process, not in %d: %s", workers, problem)
    if problem or workers <= 1 or len(work) <= 1:
        yield from map(function, work)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(work)), context, initializer=_prepare_worker) as pool:
        waiting: deque[Future[Out]] = deque()
        try:
            yield from _submit_windowed(pool, function, work, 4 * workers, waiting)
        except BrokenProcessPool:
            raise UserError(
                "a worker process was killed (out of memory?); use fewer --workers or more memory"
            ) from None
        finally:
            for future in waiting:
                future.cancel()


def _submit_windowed(
    pool: Executor,
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
    """Applies a picklable function in one process per device, in turn, and yields the results in order.

    In each process `cuda` stands for its device. At most two results per process are in flight.

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
            raise UserError("the worker process of a device was killed (out of memory?)") from None
        finally:
            for future in waiting:
                future.cancel()


def thread_map(function: Callable[[In], Out], work: Iterable[In], threads: int) -> Iterator[Out]:
    """Applies a function in threads and yields the results in order; for work that releases Python's lock.

    At most two results per thread are in flight.
    """
    pool = ThreadPoolExecutor(threads)
    try:
        yield from _submit_windowed(pool, function, work, 2 * threads, deque())
    finally:
        pool.shutdown(cancel_futures=True)


def prefetch(results: Iterable[Out], count: int = 2) -> Iterator[Out]:
    """Prefetches up to `count` results in a background thread; exceptions surface at the failed result.

    Wrapped around each step of a chain, it keeps all steps busy at once, provided that they release Python's lock, as
    decoders, encoders and GPUs do.
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
    """Ends this worker with its parent: a parent that is killed can't end its workers, which would wait for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)

"""Loading batches in loader processes, on machines with and without shared memory, and what happens when one dies."""

from __future__ import annotations

import errno
import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from i2vadapt.clips.batches import Sample
from i2vadapt.clips.transfer import as_sample, problem_with_shared_memory, stack_arrays
from i2vadapt.errors import UserError
from i2vadapt.runtime.parallel import problem_with_processes
from i2vadapt.runtime.preemption import ignore_signals

_DIED = re.compile(r"DataLoader worker \(pid.*?\) (is killed by signal: [^.]*|exited unexpectedly)")

_logger = logging.getLogger(__name__)
_said: set[str] = set()


def load_batches(
    clips: Dataset[Sample],
    batches: Sequence[list[int]],
    workers: int,
    processes: int = 1,
    pin_memory: bool = False,
) -> Iterator[Sample]:
    """Loads batches, the same ones whatever the number of loader processes and the way they hand batches over.

    Args:
        clips: clips by item number.
        batches: item numbers of each batch.
        workers: number of loader processes; 0 loads in the calling process, as does a machine that cannot start any.
        processes: number of training processes on this machine, which share its memory.
        pin_memory: whether to copy batches to pinned memory, from which a GPU reads faster.

    Raises:
        UserError: if an item cannot be read, or a loader process was killed.
    """
    if workers and (problem := problem_with_processes()):
        _say_once(f"loading in the training process, without loader processes: {problem}")
        workers = 0
    piped = False
    if workers and batches:
        largest = max(len(batch) for batch in batches)
        problem = problem_with_shared_memory(clips[batches[0][0]], largest, workers, processes)
        piped = bool(problem)
        if piped:
            _say_once(f"loader processes send batches through pipes, which is slower: {problem}")
    loader: DataLoader[Any] = DataLoader(
        clips,
        batch_sampler=batches,
        # Without a generator of its own, the loader would draw the seeds of its processes from the global one.
        generator=torch.Generator(),
        num_workers=workers,
        multiprocessing_context="fork" if workers else None,
        worker_init_fn=ignore_signals,
        collate_fn=stack_arrays if piped else None,
        pin_memory=pin_memory,
    )
    return _plain_errors(loader, piped)


def _say_once(message: str) -> None:
    start = message.partition(":")[0]
    if start not in _said:
        _said.add(start)
        _logger.warning("%s", message)


def _plain_errors(loader: DataLoader[Any], piped: bool) -> Iterator[Sample]:
    """Yields the batches of a loader and reduces a UserError from a loader process to its message.

    Raises:
        UserError: without the traceback of the loader process, which PyTorch puts into the message.
    """
    try:
        with loader_errors():
            for batch in loader:
                yield as_sample(batch) if piped else batch
        return
    except UserError as error:
        message = str(error).rpartition(f"{UserError.__module__}.{UserError.__name__}: ")[2].strip()
        error.__traceback__ = None  # it would keep the loader, and so its processes, alive
    raise UserError(message)


@contextmanager
def loader_errors() -> Iterator[None]:
    """Context in which the end of a loader process becomes a message.

    PyTorch raises it wherever the training process happens to be when the signal arrives.

    Raises:
        UserError: if a loader process was killed, or cannot be started because too many files are open.
    """
    try:
        yield
    except RuntimeError as error:
        found = _DIED.search(str(error))
        if found is None:
            raise
        raise UserError(
            f"a loader process {found[1].replace('is killed', 'was killed')}: out of memory? Use fewer --workers (0"
            " loads without processes), a smaller batch_size, or more memory (in a container also --shm-size)"
        ) from None
    except OSError as error:
        if error.errno != errno.EMFILE:
            raise
        raise UserError(
            "too many open files for the loader processes: use fewer --workers or raise the limit (ulimit -n)"
        ) from None

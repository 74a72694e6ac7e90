"""How loader processes hand over their batches: in shared memory or, where that does not work, through pipes.

Shared memory saves the training process two copies of a batch, some 5 ms for a clip of 16 frames of 224x224. It needs
room in /dev/shm, of which Docker gives 64 MB, an open file for each tensor, and a socket in the temporary folder. Where
one of them is missing, PyTorch's loader kills its processes or waits for ever.
"""

from __future__ import annotations

import os
import resource
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from i2vadapt.clips.batches import Sample
from i2vadapt.runtime.parallel import SHARED_MEMORY

_LOADERS = 3  # at work at the same time: of photographs, of paced videos, of videos for the transfer loss
_MEGABYTE = 1 << 20
_SOCKET_PATH = 107  # bytes
_SOCKET_NAME = len("/pymp-00000000/listener-00000000")


def problem_with_shared_memory(sample: Sample, size: int, workers: int, processes: int) -> str:
    """Why batches cannot be handed over in shared memory; "" if they can.

    Args:
        sample: one item of a batch.
        size: batch size.
        workers: number of loader processes of one loader.
        processes: number of training processes.
    """
    batches = (2 * workers + 2) * _LOADERS  # two are prefetched by each process; one is in use, one on its way
    wanted = size * sum(tensor.nbytes for tensor in sample.values()) * batches * processes
    free = _free_bytes(SHARED_MEMORY)
    if free < wanted:
        return (
            f"{SHARED_MEMORY} has {free // _MEGABYTE} MB free, and loading may take {_megabytes(wanted)} MB"
            f" (in a container: --shm-size={_megabytes(wanted)}m)"
        )
    limit, files = resource.getrlimit(resource.RLIMIT_NOFILE)[0], len(sample) * batches
    if 0 <= limit < 4 * files:
        return f"only {limit} files may be open (ulimit -n), and loading may take {files}"
    return _problem_with_sockets()


def _problem_with_sockets() -> str:
    try:
        folder = tempfile.gettempdir()
    except OSError as error:
        return f"no temporary folder (TMPDIR): {error.strerror}"
    if len(os.fsencode(folder)) + _SOCKET_NAME > _SOCKET_PATH:
        return f"the name of the temporary folder {folder} (TMPDIR) is too long for a socket"
    return ""


def _free_bytes(folder: Path) -> int:
    try:
        found = os.statvfs(folder)
    except OSError:
        return 0
    return found.f_bavail * found.f_frsize


def _megabytes(count: int) -> int:
    return -(-count // _MEGABYTE)


def stack_arrays(samples: Sequence[Sample]) -> dict[str, np.ndarray]:
    """Joins the items of a batch as arrays, which a loader process sends through a pipe."""
    return {key: np.stack([sample[key].numpy() for sample in samples]) for key in samples[0]}


def as_sample(batch: dict[str, np.ndarray]) -> Sample:
    """The tensors of a batch of `stack_arrays`."""
    return {key: torch.from_numpy(array) for key, array in batch.items()}

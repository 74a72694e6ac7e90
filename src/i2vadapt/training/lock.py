"""The lock of a run's folder, which admits one training at a time."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from i2vadapt.errors import UserError
from i2vadapt.files.locking import try_lock
from i2vadapt.layout import RunFolder

_PATIENCE = 12.0  # seconds


def _lock(handle: int, folder: Path) -> None:
    """Takes the lock, retrying for up to 12 s.

    DataLoader workers inherit the lock and keep it until they notice (polling every 5 s) that the trainer has died.

    Raises:
        UserError: if another process keeps the lock.
    """
    last = time.monotonic() + _PATIENCE
    while not try_lock(handle, folder):
        if time.monotonic() > last:
            raise UserError(f"{folder}: another process is training here; wait for it or stop it first")
        time.sleep(0.2)


@contextmanager
def lock_folder(folder: Path, needed: bool = True) -> Iterator[None]:
    """Keeps a second training out of a folder while the context is open.

    Args:
        folder: folder of a run.
        needed: whether to lock at all; rank 0 locks for all processes of its training.

    Raises:
        UserError: if another training keeps the lock for 12 s.
    """
    if not needed:
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(RunFolder(folder).lock, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        _lock(handle, folder)
        yield
    finally:
        os.close(handle)

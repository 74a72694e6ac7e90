"""Locks of open files, on file systems that have them."""

from __future__ import annotations

import errno
import fcntl
import logging
from pathlib import Path

_HELD = (errno.EAGAIN, errno.EACCES)  # SMB answers EACCES

_logger = logging.getLogger(__name__)


def try_lock(handle: int, path: Path) -> bool:
    """Takes an exclusive lock, which ends when the file is closed or the process ends.

    On a file system without locks (Lustre mounted without `flock`, some NFS and FUSE), nothing is locked and a warning
    says so: work goes on, since a lock only guards against a mistake.

    Args:
        handle: descriptor of the file, open for writing.
        path: what the lock protects, for the warning.

    Returns:
        False if another process has the lock.
    """
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _HELD:
            return False
        _logger.warning(
            "%s: not locked, since its file system has no locks (%s): do not start a second process that writes there",
            path,
            error.strerror,
        )
    return True


def is_locked(path: Path) -> bool:
    """Whether another process has the exclusive lock of a file; False where there is no file, or are no locks."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in _HELD
    return False

"""Flushing files and folders to disk, so that what was written survives a power cut."""

from __future__ import annotations

import errno
import logging
import os
from pathlib import Path

# The disk is full or broken. Any other error means that the file system cannot flush: SMB, FUSE and NFS answer EINVAL,
# EBADF, ENOSYS or ENOTSUP for a folder, and a folder that can be written need not be readable.
_LOST = (errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

_warned: set[int | None] = set()

_logger = logging.getLogger(__name__)


def flush(path: Path) -> None:
    """Waits until a file, or the names in a folder, are on the disk; if the file system cannot do this, warns once.

    Raises:
        OSError: if the file is missing, or the disk is full or broken.
    """
    try:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno in _LOST:
            raise OSError(error.errno, error.strerror, str(path)) from None
        if error.errno not in _warned:
            _warned.add(error.errno)
            _logger.warning(
                "%s: cannot be flushed to disk (%s): a power cut may lose what was written last", path, error.strerror
            )

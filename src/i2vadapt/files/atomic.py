"""Atomic writes: a file appears under its name complete or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from i2vadapt.files.temporary import remove_abandoned, temporary_name


@contextmanager
def replacing(path: Path, suffix: str = ".tmp") -> Iterator[Path]:
    """Yields a temporary path in the same folder; on success its file is flushed to disk and renamed to `path`.

    Args:
        path: file to write; its folder is created.
        suffix: suffix of the temporary name, for libraries that choose a format by it.

    Raises:
        OSError: if the file can't be written; the temporary file is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(path)
    temporary = temporary_name(path, suffix=suffix)
    try:
        yield temporary
        flush_file(temporary)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def flush_file(path: Path) -> None:
    """Waits until the content of a file is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomically(path: Path, data: bytes) -> None:
    """Writes a file under a temporary name in the same folder, flushes it to disk and renames it."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)

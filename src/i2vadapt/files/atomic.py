"""Atomic writes: a file appears under its name complete or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from i2vadapt.files.flushing import flush
from i2vadapt.files.temporary import remove_abandoned, temporary_name


@contextmanager
def replacing(path: Path, suffix: str = ".tmp") -> Iterator[Path]:
    """Yields a temporary path in the same folder; on success its file is flushed to disk and renamed to `path`.

    Args:
        path: file to write; its folder is created.
        suffix: suffix of the temporary name, for libraries that choose a format by it.

    Raises:
        OSError: if the file can't be written, with the name of `path`; the temporary file is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(path)
    temporary = temporary_name(path, suffix=suffix)
    try:
        yield temporary
        flush(temporary)
        rename(temporary, path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        # Writing to an open file fails without any name, e.g. on a full disk; and nobody knows the temporary name.
        if isinstance(error, OSError) and error.errno and str(error.filename or temporary) == str(temporary):
            raise OSError(error.errno, os.strerror(error.errno), str(path)) from error
        raise


def rename(temporary: Path, path: Path) -> None:
    """Gives a finished file its name, replacing an older file of that name, and flushes the folder to disk."""
    os.replace(temporary, path)
    flush(path.parent)


def write_atomically(path: Path, data: bytes) -> None:
    """Writes a file under a temporary name in the same folder, flushes it to disk and renames it."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)

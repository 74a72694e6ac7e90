"""Files that appear under their name whole or not at all."""

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
        path: the file to write; its folder is made.
        suffix: ending of the temporary name, for libraries that go by it.

    Raises:
        OSError: if the file can't be written; nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(path)
    temporary = temporary_name(path, suffix=suffix)
    try:
        yield temporary
        _flush(temporary)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomically(path: Path, data: bytes) -> None:
    """Writes a file through a temporary name in the same folder, flushed to disk, then renamed."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)

"""The folder of compiled kernels: one per digest of their sources, below the first cache folder that can be written.

Whoever can write there decides which code later processes run, so a folder below the shared temporary folder must
belong to the user.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_DAY = 24 * 3600
_KEPT = 30 * _DAY  # after the last use
_DIGEST = re.compile(r"[0-9a-f]{16}")

_logger = logging.getLogger(__name__)


def kernel_folder(digest: str, chosen: str = "") -> Path | None:
    """Makes the folder for the kernels of these sources, and removes unused folders of other sources.

    Args:
        digest: digest of the sources.
        chosen: folder that the user has chosen for compiled code; "" for the user's cache folder, $XDG_CACHE_HOME or
            ~/.cache. If it cannot be written, a private folder below the temporary one is used.

    Returns:
        The folder, or None if none can be written.
    """
    refused: list[str] = []
    for root in _roots(chosen):
        folder = root / digest
        try:
            _prepare(folder)
        except OSError:
            refused.append(str(root))
        else:
            if refused:
                _logger.info("compiled kernels are cached in %s: %s cannot be written", folder, ", ".join(refused))
            return folder
    _logger.info("compiled kernels are not cached, so each process compiles them: no cache folder can be written")
    return None


def _roots(chosen: str) -> Iterator[Path]:
    if chosen:
        yield Path(chosen).absolute() / "i2vadapt" / "kernels"
    for cache in (os.environ.get("XDG_CACHE_HOME", ""), os.path.expanduser("~/.cache")):
        if os.path.isabs(cache):  # a relative XDG_CACHE_HOME must be ignored; "~" remains where no home is known
            yield Path(cache) / "i2vadapt" / "kernels"
            break
    with suppress(OSError):
        yield _own_temporary_folder()


def _own_temporary_folder() -> Path:
    folder = Path(tempfile.gettempdir()) / f"i2vadapt-kernels-{os.getuid()}"
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise PermissionError(f"{folder}: other users can write here")
    return folder


def _prepare(folder: Path) -> None:
    """Makes a folder, checks that it can be written, and updates its modification time at most once a day.

    Raises:
        OSError: if the folder cannot be written.
    """
    is_new = not folder.is_dir()
    folder.mkdir(parents=True, exist_ok=True)
    tempfile.TemporaryFile(dir=folder).close()
    if is_new or time.time() - folder.stat().st_mtime > _DAY:
        with suppress(OSError):
            os.utime(folder)
            _remove_unused(folder.parent)


def _remove_unused(root: Path) -> None:
    """Removes folders of other digests that no process has used for 30 days.

    A process that starts to use such a folder at the same time compiles the kernels that are missing.
    """
    for folder in root.iterdir():
        if _DIGEST.fullmatch(folder.name) and time.time() - folder.lstat().st_mtime > _KEPT:
            shutil.rmtree(folder, ignore_errors=True)

"""The folder that keeps compiled kernels: one for each digest of their sources, at the first place that can be written.

Who can write there decides what code later processes run, so a folder under the shared temporary one must be the
user's own.
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
    """Makes the folder for kernels of these sources, and removes those of other sources that are no longer used.

    Args:
        digest: of the sources.
        chosen: the folder that the user wants compiled code in; "" is the user's cache folder, $XDG_CACHE_HOME or
            ~/.cache. Where that can't be written, a folder of the user's own under the temporary one is taken.

    Returns:
        The folder, or None if there is none that can be written.
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
                _logger.info("compiled kernels are kept in %s: %s can't be written", folder, ", ".join(refused))
            return folder
    _logger.info("kernels are compiled anew in each process: no folder can be written to keep them")
    return None


def _roots(chosen: str) -> Iterator[Path]:
    if chosen:
        yield Path(chosen).absolute() / "i2vadapt" / "kernels"
    for cache in (os.environ.get("XDG_CACHE_HOME", ""), os.path.expanduser("~/.cache")):
        if os.path.isabs(cache):  # another XDG_CACHE_HOME is to be ignored; "~" stays where no home is known
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
        raise PermissionError(f"{folder}: others can write here")
    return folder


def _prepare(folder: Path) -> None:
    """Makes a folder, checks that it can be written, and notes once a day that it is in use.

    Raises:
        OSError: if it can't be written.
    """
    is_new = not folder.is_dir()
    folder.mkdir(parents=True, exist_ok=True)
    tempfile.TemporaryFile(dir=folder).close()
    if is_new or time.time() - folder.stat().st_mtime > _DAY:
        with suppress(OSError):
            os.utime(folder)
            _remove_unused(folder.parent)


def _remove_unused(root: Path) -> None:
    """Removes folders of other digests that no process has used for long.

    One that starts to use such a folder meanwhile finds less in it and compiles what is missing.
    """
    for folder in root.iterdir():
        if _DIGEST.fullmatch(folder.name) and time.time() - folder.lstat().st_mtime > _KEPT:
            shutil.rmtree(folder, ignore_errors=True)

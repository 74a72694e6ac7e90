"""Temporary file names.

They contain host and PID, so leftovers of dead processes can be removed without touching files that another process is
still writing.
"""

from __future__ import annotations

import glob
import os
import socket
import uuid
from pathlib import Path


def temporary_name(path: Path, folder: Path | None = None, suffix: str = ".tmp") -> Path:
    """A hidden name that no other process uses, in the folder of `path` or in `folder` (on the same file system)."""
    name = f".{path.name}.{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}{suffix}"
    return (folder or path.parent) / name


def remove_abandoned(path: Path) -> None:
    """Removes temporary files of `path` whose writer, a process on this machine, has ended."""
    start = f".{path.name}.{socket.gethostname()}-"
    for file in path.parent.glob(f".{glob.escape(path.name)}.*"):
        process = file.name.removeprefix(start).split("-")[0]
        if file.name.startswith(start) and process.isdecimal() and not _is_alive(int(process)):
            file.unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

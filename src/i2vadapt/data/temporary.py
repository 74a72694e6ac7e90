"""Temporary names that tell who writes: what a killed process left behind goes, what a living twin writes stays."""

from __future__ import annotations

import os
import socket
import uuid
from pathlib import Path


def temporary_name(path: Path, folder: Path | None = None) -> Path:
    """A hidden name that no other process uses, in the folder of `path` or the given one (of the same file system)."""
    name = f".{path.name}.{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}.tmp"
    return (folder or path.parent) / name


def remove_abandoned(path: Path) -> None:
    """Removes temporary files of `path` whose writer, a process of this machine, has ended."""
    start = f".{path.name}.{socket.gethostname()}-"
    for file in path.parent.glob(".*.tmp"):
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

"""Silence of libtiff, which prints what is wrong with a file where nobody can tell to which file it belongs."""

from __future__ import annotations

import contextlib
import ctypes
from functools import cache
from pathlib import Path


@cache
def silence_libtiff() -> None:
    """Removes the handlers by which the libtiff of Pillow prints to standard error; Pillow raises the same errors."""
    with contextlib.suppress(OSError, AttributeError):
        mapped = {line.split(maxsplit=5)[-1] for line in Path("/proc/self/maps").read_text().splitlines()}
        for path in mapped:
            if Path(path).name.startswith("libtiff"):
                library = ctypes.CDLL(path)
                for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
                    getattr(library, name)(None)

"""A limit on the memory of pictures that the threads of a process decode at the same time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

PIXELS_AT_ONCE = 1 << 26
"""Pixels that are being decoded together: 470 MB at 7 bytes each, 1.1 GB at the 16 of WebP and AVIF."""

_free = threading.Condition()
_taken = 0


@contextmanager
def decoding(pixels: int) -> Iterator[None]:
    """Waits until a picture of so many pixels may be decoded; one larger than the limit is decoded by itself."""
    global _taken
    with _free:
        _free.wait_for(lambda: _taken == 0 or _taken + pixels <= PIXELS_AT_ONCE)
        _taken += pixels
    try:
        yield
    finally:
        with _free:
            _taken -= pixels
            _free.notify_all()

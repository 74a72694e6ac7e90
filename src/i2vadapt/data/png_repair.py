"""PNG files whose accessory chunks are damaged or too large for Pillow, but whose picture is whole.

libpng, and so OpenCV and every viewer, warns of a damaged comment and goes on; Pillow refuses the file.
"""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PICTURE = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
_ACCESSORY = (b"tRNS", b"eXIf")  # the others do not change what is shown: transparency and orientation do


def without_accessories(path: Path) -> io.BytesIO | None:
    """A PNG file reduced to what is needed to show it, or None if the file is no PNG.

    Chunks of the picture are kept as they are, whole or not; transparency and orientation only if they are whole.
    """
    data = path.read_bytes()
    if not data.startswith(_SIGNATURE):
        return None
    kept, place = [_SIGNATURE], len(_SIGNATURE)
    while place + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, place)
        end = place + 12 + length
        chunk = data[place:end]
        if name in _PICTURE or (name in _ACCESSORY and _is_whole(chunk)):
            kept.append(chunk)
        place = end
    return io.BytesIO(b"".join(kept))


def _is_whole(chunk: bytes) -> bool:
    return len(chunk) >= 12 and zlib.crc32(chunk[4:-4]) == int.from_bytes(chunk[-4:], "big")

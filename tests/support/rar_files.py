"""Writing RAR archives (version 4, stored without compression), which no free program does."""

from __future__ import annotations

import stat
import struct
import zlib
from collections.abc import Mapping

_START = b"Rar!\x1a\x07\x00"
_MAIN, _FILE, _END = 0x73, 0x74, 0x7B
_STORED, _UNIX, _VERSION = 0x30, 3, 20
_DATA_FOLLOWS, _FOLDER, _LAST = 0x8000, 0x00E0, 0x4000
_TIME = (2013 - 1980) << 25 | 10 << 21 | 1 << 16  # of DOS


def rar(files: Mapping[str, bytes], links: Mapping[str, str] | None = None, folders: tuple[str, ...] = ()) -> bytes:
    """Bytes of an archive.

    Args:
        files: contents by name.
        links: targets of symbolic links by name.
        folders: names of folders, which come first.
    """
    parts = [_START, _block(_MAIN, 0, bytes(6))]
    parts += [_entry(name, b"", stat.S_IFDIR | 0o755, _FOLDER) for name in folders]
    parts += [_entry(name, content, stat.S_IFREG | 0o644) for name, content in files.items()]
    parts += [_entry(name, target.encode(), stat.S_IFLNK | 0o777) for name, target in (links or {}).items()]
    return b"".join([*parts, _block(_END, _LAST, b"")])


def _entry(name: str, content: bytes, mode: int, flags: int = 0) -> bytes:
    size, crc, encoded = len(content), zlib.crc32(content), name.encode()
    fields = (size, size, _UNIX, crc, _TIME, _VERSION, _STORED, len(encoded), mode)
    return _block(_FILE, _DATA_FOLLOWS | flags, struct.pack("<IIBIIBBHI", *fields) + encoded) + content


def _block(kind: int, flags: int, body: bytes) -> bytes:
    header = struct.pack("<BHH", kind, flags, 7 + len(body)) + body
    return struct.pack("<H", zlib.crc32(header) & 0xFFFF) + header

"""Writing RAR archives, stored without compression, which no free program does."""

from __future__ import annotations

import stat
import struct
import zlib
from collections.abc import Mapping

_START = b"Rar!\x1a\x07\x00"
_MAIN, _FILE, _END = 0x73, 0x74, 0x7B
_STORED, _UNIX, _VERSION = 0x30, 3, 20
_DATA_FOLLOWS, _FOLDER, _LAST, _ENCODED = 0x8000, 0x00E0, 0x4000, 0x0200
_TIME = (2013 - 1980) << 25 | 10 << 21 | 1 << 16  # of DOS


def rar(files: Mapping[str, bytes], links: Mapping[str, str] | None = None, folders: tuple[str, ...] = ()) -> bytes:
    """Bytes of an archive of version 4.

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
    size, crc, encoded = len(content), zlib.crc32(content), name.replace("/", "\\").encode()
    if not name.isascii():
        flags, encoded = flags | _ENCODED, _encode(name.replace("/", "\\"))
    fields = (size, size, _UNIX, crc, _TIME, _VERSION, _STORED, len(encoded), mode)
    return _block(_FILE, _DATA_FOLLOWS | flags, struct.pack("<IIBIIBBHI", *fields) + encoded) + content


def _encode(name: str) -> bytes:
    """A name in version 4's own encoding: in ASCII, a zero, and both bytes of every letter in groups of four."""
    wide = name.encode("utf-16-le")
    groups = b"".join(b"\xaa" + wide[start : start + 8] for start in range(0, len(wide), 8))
    return name.encode("ascii", "replace") + b"\0\0" + groups


def _block(kind: int, flags: int, body: bytes) -> bytes:
    header = struct.pack("<BHH", kind, flags, 7 + len(body)) + body
    return struct.pack("<H", zlib.crc32(header) & 0xFFFF) + header


def rar5(files: Mapping[str, bytes], links: Mapping[str, str] | None = None, folders: tuple[str, ...] = ()) -> bytes:
    """Bytes of an archive of version 5; see `rar`."""
    parts = [b"Rar!\x1a\x07\x01\x00", _block_of_5(1, 0, _numbers(0))]
    parts += [_entry_of_5(name, b"", 1) for name in folders]
    parts += [_entry_of_5(name, content) for name, content in files.items()]
    for name, target in (links or {}).items():
        record = _numbers(5, 1, 0, len(target)) + target.encode()  # a link of Unix
        parts.append(_entry_of_5(name, b"", 0, _numbers(len(record)) + record))
    return b"".join([*parts, _block_of_5(5, 0, _numbers(0))])


def _entry_of_5(name: str, content: bytes, folder: int = 0, extra: bytes = b"") -> bytes:
    mode = stat.S_IFDIR | 0o755 if folder else (stat.S_IFLNK | 0o777 if extra else stat.S_IFREG | 0o644)
    body = _numbers(*([len(extra)] if extra else []), len(content), 4 | folder, len(content), mode)
    body += struct.pack("<I", zlib.crc32(content)) + _numbers(0, 1, len(name.encode())) + name.encode() + extra
    return _block_of_5(2, 2 | bool(extra), body) + content


def _block_of_5(kind: int, flags: int, body: bytes) -> bytes:
    header = _numbers(kind, flags) + body
    header = _numbers(len(header)) + header
    return struct.pack("<I", zlib.crc32(header)) + header


def _numbers(*values: int) -> bytes:
    """Numbers of seven bits a byte, low ones first."""
    result = bytearray()
    for value in values:
        while value > 0x7F:
            result.append(value & 0x7F | 0x80)
            value >>= 7
        result.append(value)
    return bytes(result)

"""The headers of RAR archives, versions 4 and 5: what the programs that unpack them are going to write.

They are read here since programs differ in what they refuse, and since libarchive does not compare the checksums of
version 4.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from i2vadapt.errors import UserError

MARKS = {4: b"Rar!\x1a\x07\x00", 5: b"Rar!\x1a\x07\x01\x00"}
_UNIX = 3
_LINK = 0o120000
_KIND = 0o170000


@dataclass(frozen=True)
class RarEntry:
    """A file of an archive.

    Attributes:
        name: path in the archive, with slashes.
        size: bytes when unpacked.
        crc: CRC-32 of these; None if the archive holds another checksum.
        special: whether it is a link of any kind.
    """

    name: str
    size: int
    crc: int | None
    special: bool


def read_rar_entries(archive: Path) -> list[RarEntry]:
    """Files of an archive in its order, without folders.

    Raises:
        UserError: if it is no RAR archive, is cut short, encrypted, or one of several volumes.
    """
    size = archive.stat().st_size
    with archive.open("rb") as file:
        start = file.read(8)
        try:
            if start.startswith(MARKS[4]):
                file.seek(len(MARKS[4]))
                return list(_entries_of_4(file, size))
            if start == MARKS[5]:
                return list(_entries_of_5(file, size))
        except (struct.error, IndexError, UnicodeDecodeError):
            raise UserError(f"{archive}: the archive is damaged") from None
        except _UnusableError as reason:
            raise UserError(f"{archive}: the archive {reason}") from None
    raise UserError(f"{archive}: not a RAR archive")


class _UnusableError(Exception):
    """Why an archive can't be used, as the end of a sentence."""


def _skip(file: BinaryIO, position: int, size: int) -> None:
    if position > size:
        raise _UnusableError("is cut short")
    file.seek(position)


def _entries_of_4(file: BinaryIO, size: int) -> Iterator[RarEntry]:
    while True:
        start = file.tell()
        head = file.read(7)
        if not head:  # the block that marks the end is optional
            return
        _, kind, flags, length = struct.unpack("<HBHH", head)
        body = file.read(max(length - 7, 0))
        added = struct.unpack_from("<I", body)[0] if flags & 0x8000 else 0
        if kind == 0x73 and flags & 0x81:
            raise _UnusableError("is encrypted" if flags & 0x80 else "is one of several volumes")
        if kind == 0x7B:
            return
        if kind == 0x74:
            _, unpacked, system, crc, _, _, _, name_size, mode = struct.unpack_from("<IIBIIBBHI", body)
            place = struct.calcsize("<IIBIIBBHI")
            if flags & 0x100:  # beyond 4 GiB
                high_packed, high_unpacked = struct.unpack_from("<II", body, place)
                added, unpacked, place = added + (high_packed << 32), unpacked + (high_unpacked << 32), place + 8
            if flags & 4:
                raise _UnusableError("is encrypted")
            if flags & 0xE0 != 0xE0:  # a folder
                name = _name_of_4(body[place : place + name_size])
                special = system == _UNIX and mode & _KIND == _LINK
                yield RarEntry(name.replace("\\", "/"), unpacked, crc, special)
        if length < 7:
            raise _UnusableError("is damaged")
        _skip(file, start + length + added, size)


def _name_of_4(field: bytes) -> str:
    """Reads a name: UTF-8, or low bytes, a zero, and what makes UTF-16 of them, two bits of an operation a letter."""
    plain, zero, code = field.partition(b"\0")
    if not zero:
        return field.decode("utf-8", "replace")
    letters: list[int] = []
    high, at = code[0] << 8, 1
    while at < len(code):
        operations, at = code[at], at + 1
        for shift in (6, 4, 2, 0):
            operation = operations >> shift & 3
            if at >= len(code):
                break
            if operation < 2:
                letters.append(code[at] | high * operation)
            elif operation == 2:
                letters.append(code[at] | code[at + 1] << 8)
                at += 1
            else:
                copied = plain[len(letters) : len(letters) + (code[at] & 0x7F) + 2]
                if code[at] & 0x80:
                    at += 1
                    letters += [low + code[at] & 0xFF | high for low in copied]
                else:
                    letters += copied
            at += 1
    return struct.pack(f"<{len(letters)}H", *letters).decode("utf-16-le", "replace")


def _entries_of_5(file: BinaryIO, size: int) -> Iterator[RarEntry]:
    while True:
        if not file.read(4):  # the CRC of the header
            return
        length, _ = _number(file.read(3), 0)
        file.seek(_width(length) - 3, 1)
        data = file.tell() + length
        head = file.read(length)
        kind, at = _number(head, 0)
        flags, at = _number(head, at)
        extra, at = _number(head, at) if flags & 1 else (0, at)
        added, at = _number(head, at) if flags & 2 else (0, at)
        if kind == 1 and _number(head, at)[0] & 1:
            raise _UnusableError("is one of several volumes")
        if kind == 4:
            raise _UnusableError("is encrypted")
        if kind == 5:
            return
        if kind == 2:
            entry = _file_of_5(head, at, len(head) - extra)
            if entry is not None:
                yield entry
        _skip(file, data + added, size)


def _file_of_5(head: bytes, at: int, end: int) -> RarEntry | None:
    """Reads a file's header from the position `at`; its extra records begin at `end`. None for a folder."""
    flags, at = _number(head, at)
    size, at = _number(head, at)
    _, at = _number(head, at)
    at += 4 if flags & 2 else 0  # time
    crc = struct.unpack_from("<I", head, at)[0] if flags & 4 else None
    at += 4 if flags & 4 else 0
    for _ in range(2):  # compression, system
        _, at = _number(head, at)
    length, at = _number(head, at)
    name = head[at : at + length].decode("utf-8", "replace")
    kinds = set(_records(head, end))
    if 1 in kinds:
        raise _UnusableError("is encrypted")
    return None if flags & 1 else RarEntry(name, size, None if 2 in kinds else crc, 5 in kinds)


def _records(head: bytes, at: int) -> Iterator[int]:
    """Kinds of the extra records of a header."""
    while at < len(head):
        length, at = _number(head, at)
        yield _number(head, at)[0]
        at += length


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, low ones first, and the position after it."""
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if not data[at - 1] & 0x80:
            return value, at


def _width(value: int) -> int:
    return max(1, -(-value.bit_length() // 7))

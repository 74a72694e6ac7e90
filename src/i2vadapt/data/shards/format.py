"""The format of a shard: one HDF5 file with the encoded frames of many items.

Layout of a shard::

    items/id      n strings                          items/label (n,) int32
    items/first   (n,) int64, first frame            items/count (n,) int32, frames
    items/info    n strings, JSON from the stage     failures/{id,reason} strings
    bytes         (b,) uint8, all frames encoded     offsets (frames + 1,) uint64
    attributes    format, kind, provenance (JSON), digest (SHA-256 of all the above), complete

Strings are stored as uint8 arrays, each string terminated by a zero byte: HDF5 keeps its own strings in a heap without
a checksum, and hangs for ever if that heap is damaged. The attribute `complete` is written last; a file without it, or
one that HDF5 can't open, is refused.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from i2vadapt.data.shards.stored import lengths_of
from i2vadapt.errors import UserError
from i2vadapt.files.absent import advice
from i2vadapt.files.flushing import flush

# Shards are renamed when they are complete and never changed, so HDF5's locks are not needed; on some file systems they
# fail. HDF5 reads this variable when it is loaded, and it would override `locking=False`.
os.environ.pop("HDF5_USE_FILE_LOCKING", None)
import h5py

FORMAT = 2
TABLES = ("offsets", *(f"items/{name}" for name in ("id", "label", "first", "count", "info")))
FAILURES = ("failures/id", "failures/reason")
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_REMEDY = "delete it and run its stage again"
_OVERHEAD = 1 << 13  # bytes; more than HDF5 adds to the data
_PIECE = 1 << 22  # bytes that are written at a time


@dataclass(frozen=True)
class Encoded:
    """The result of a stage for one item.

    Attributes:
        id: id of the item.
        label: label of the item.
        frames: encoded frames, in order; those of long videos are `StoredFrames`.
        info: plain data about the item, stored as JSON.
    """

    id: str
    label: int
    frames: Sequence[bytes]
    info: dict[str, Any]


@dataclass(frozen=True)
class Failed:
    """An item that a stage could not use, and why."""

    id: str
    reason: str


def write_shard_file(path: Path, kind: str, results: Sequence[Encoded | Failed], provenance: dict[str, Any]) -> None:
    """Writes a whole shard to `path`, which should be a temporary name, and flushes it to disk.

    Frames pass through memory in pieces of 4 MiB; otherwise a frame takes 8 bytes, its place in the shard.

    Raises:
        OSError: if it can't be written, for example because the disk is full.
    """
    good = [result for result in results if isinstance(result, Encoded)]
    bad = [result for result in results if isinstance(result, Failed)]
    lengths = [lengths_of(result.frames) for result in good]
    offsets = np.cumsum(np.concatenate([np.zeros(1, np.int64), *lengths])).astype(np.uint64)
    counts = np.array([len(part) for part in lengths], np.int32)
    size = int(offsets[-1])
    tables = {
        "offsets": offsets,
        "items/id": _pack(os.fsencode(result.id) for result in good),
        "items/label": np.array([result.label for result in good], np.int32),
        "items/first": np.cumsum(counts, dtype=np.int64) - counts,
        "items/count": counts,
        "items/info": _pack(json.dumps(result.info, sort_keys=True).encode() for result in good),
        "failures/id": _pack(os.fsencode(result.id) for result in bad),
        "failures/reason": _pack(result.reason.encode("utf-8", "surrogateescape") for result in bad),
    }
    _check_room(path, size + sum(table.nbytes for table in tables.values()) + _OVERHEAD)
    with _system_errors(), h5py.File(path, "w", libver="v110", locking=False) as file:
        for name, table in tables.items():
            file.create_dataset(name, data=table)
        payload = file.create_dataset("bytes", (size,), np.uint8)
        pieces = _written(payload, _pieces(frame for result in good for frame in result.frames))
        digest = content_digest(pieces, tables)
        file.attrs["format"] = FORMAT
        file.attrs["kind"] = np.bytes_(kind)
        file.attrs["provenance"] = np.bytes_(json.dumps(provenance, sort_keys=True))
        file.attrs["digest"] = np.bytes_(digest)
        file.attrs["complete"] = True
    flush(path)


def _pieces(frames: Iterable[bytes]) -> Iterator[np.ndarray]:
    """Joins frames to pieces of at least `_PIECE` bytes, except the last: HDF5 is slow with many small writes."""
    joined = bytearray()
    for frame in frames:
        joined += frame
        if len(joined) >= _PIECE:
            yield np.frombuffer(bytes(joined), np.uint8)
            joined.clear()
    if joined:
        yield np.frombuffer(bytes(joined), np.uint8)


def _written(dataset: Any, pieces: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Writes pieces one after the other, and passes them on."""
    place = 0
    for piece in pieces:
        dataset[place : place + piece.size] = piece
        place += piece.size
        yield piece


def content_digest(payload: Iterable[np.ndarray], tables: Mapping[str, np.ndarray]) -> str:
    """SHA-256 of a shard's encoded frames (given in pieces) and its tables."""
    state = hashlib.sha256()
    for piece in payload:
        state.update(piece.data)
    for name in (*TABLES, *FAILURES):
        state.update(f"{name} {tables[name].size}\0".encode() + tables[name].tobytes())
    return state.hexdigest()


def _pack(texts: Iterable[bytes]) -> np.ndarray:
    return np.frombuffer(b"".join(text.replace(b"\0", b"?") + b"\0" for text in texts), np.uint8)


def unpack(packed: np.ndarray) -> list[bytes]:
    """The strings of a table."""
    return packed.tobytes().split(b"\0")[:-1]


def _check_room(path: Path, size: int) -> None:
    """Reserves the space in advance: HDF5 notices a full disk only on closing a file, and prints pages of traces."""
    with path.open("wb") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):  # others: this file system cannot reserve
                raise


@contextlib.contextmanager
def _system_errors() -> Iterator[None]:
    """Turns HDF5's failures to write, some of them RuntimeErrors with `errno` in the text, into OSErrors."""
    try:
        yield
    except (RuntimeError, OSError) as error:
        found = re.search(r"errno = (\d+)", str(error))
        if found is None:
            raise
        number = int(found.group(1))
        raise OSError(number, os.strerror(number), None) from None


def open_shard(path: Path) -> Any:
    """Opens a finished shard for reading.

    Raises:
        UserError: if it is missing, no shard, damaged, unfinished or of another format. Only what is or must have been
            a shard is to be deleted: an HDF5 file with the marks of one, or a file under the name of a shard.
    """
    _check_signature(path)
    try:
        file = h5py.File(path, "r", locking=False)
        complete, found = bool(file.attrs.get("complete", False)), file.attrs.get("format")
    except (OSError, KeyError, RuntimeError, ValueError):  # HDF5's own words are pages about its library
        raise UserError(f"{path}: not a readable shard: damaged or cut short; {_REMEDY}") from None
    if found is None and "kind" not in file.attrs:
        file.close()
        raise UserError(f"{path}: not a shard: an HDF5 file of another program")
    if not complete or found != FORMAT:
        file.close()
        raise UserError(f"{path}: unfinished, or in format {found} instead of {FORMAT}; {_REMEDY}")
    return file


def _check_signature(path: Path) -> None:
    """Refuses what is no HDF5 file, before HDF5 explains it at length."""
    try:
        with path.open("rb") as file:
            head = file.read(len(_SIGNATURE))
    except FileNotFoundError:
        raise UserError(f"{path}: no such shard; run the stage that makes it{advice(path)}") from None
    except IsADirectoryError:
        example = next((f"; name one of its shards, e.g. {found}" for found in sorted(path.glob("*/*.h5"))), "")
        raise UserError(f"{path}: not a shard: it is a folder{example}") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    if head != _SIGNATURE:
        remedy = f"; if a stage made it, {_REMEDY}" if path.suffix == ".h5" else ""
        content = "its content is not HDF5" if head else "an empty file"
        raise UserError(f"{path}: not a readable shard: {content}{remedy}")

"""Shards: one HDF5 file with the encoded frames of many items. This file holds the format and the reader.

Layout of a shard::

    items/id      n texts                            items/label (n,) int32
    items/first   (n,) int64, first frame           items/count (n,) int32, frames
    items/info    n texts, JSON of the stage         failures/{id,reason} texts
    bytes         (b,) uint8, all frames encoded     offsets (frames + 1,) uint64
    attributes    format, kind, provenance (JSON), digest (SHA-256 of all the above), complete

Texts are uint8 arrays, each text ended by a zero byte: HDF5 keeps strings of its own in a heap without checksum, and
hangs for ever in one that was damaged. The attribute `complete` is written last. A file without it, or one that HDF5
can't open, is refused.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import h5py
import numpy as np

from i2vadapt.data.flow_codec import decode_codes, dequantise
from i2vadapt.errors import UserError

FORMAT = 2
TABLES = ("offsets", *(f"items/{name}" for name in ("id", "label", "first", "count", "info")))
FAILURES = ("failures/id", "failures/reason")
KINDS = ("frames", "flow", "depth")
_OVERHEAD = 1 << 13  # bytes, more than what HDF5 itself writes
Area = tuple[slice, slice]  # rows and columns of a frame


@dataclass(frozen=True)
class Encoded:
    """The result of a stage for one item.

    Attributes:
        id: the item's id.
        label: its label.
        frames: encoded frames, in order.
        info: plain data about the item, kept as JSON.
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


def encode_jpeg(image: np.ndarray, quality: int) -> bytes:
    """Encodes an (H,W,3) uint8 RGB image as JPEG."""
    done, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"an image of shape {image.shape} can't be encoded as JPEG")
    return bytes(data)


def encode_frame(image: np.ndarray, codec: str, quality: int) -> bytes:
    """Encodes an (H,W,3) uint8 RGB image by a setting `codec`: jpeg, or raw, which is larger and needs no decoding."""
    return image.tobytes() if codec == "raw" else encode_jpeg(image, quality)


def encode_depth(depth: np.ndarray) -> bytes:
    """Encodes an (H,W) uint16 map as a lossless PNG."""
    # the low bits repeat nothing: looking for repetitions takes three times as long and gains no byte
    strategy = (cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_HUFFMAN_ONLY)
    done, data = cv2.imencode(".png", depth, [cv2.IMWRITE_PNG_COMPRESSION, 4, *strategy])
    if not done:
        raise ValueError(f"a map of shape {depth.shape} can't be encoded as PNG")
    return bytes(data)


def write_shard_file(path: Path, kind: str, results: Sequence[Encoded | Failed], provenance: dict[str, Any]) -> None:
    """Writes a whole shard to `path`, which should be a temporary name, and flushes it to disk.

    Raises:
        OSError: if it can't be written, a full disk included.
    """
    good = [result for result in results if isinstance(result, Encoded)]
    bad = [result for result in results if isinstance(result, Failed)]
    lengths = [len(frame) for result in good for frame in result.frames]
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.uint64)]).astype(np.uint64)
    counts = np.array([len(result.frames) for result in good], np.int32)
    payload = np.frombuffer(b"".join(frame for result in good for frame in result.frames), np.uint8)
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
    digest = content_digest([payload], tables)
    _check_room(path, payload.nbytes + sum(table.nbytes for table in tables.values()) + _OVERHEAD)
    with _plain_errors(), h5py.File(path, "w", libver="v110") as file:
        for name, table in tables.items():
            file.create_dataset(name, data=table)
        file.create_dataset("bytes", data=payload)
        file.attrs["format"] = FORMAT
        file.attrs["kind"] = np.bytes_(kind)
        file.attrs["provenance"] = np.bytes_(json.dumps(provenance, sort_keys=True))
        file.attrs["digest"] = np.bytes_(digest)
        file.attrs["complete"] = True
    _flush(path)


def content_digest(payload: Iterable[np.ndarray], tables: Mapping[str, np.ndarray]) -> str:
    """SHA-256 of a shard's encoded frames, in pieces, and of its tables."""
    state = hashlib.sha256()
    for piece in payload:
        state.update(piece.data)
    for name in (*TABLES, *FAILURES):
        state.update(f"{name} {tables[name].size}\0".encode() + tables[name].tobytes())
    return state.hexdigest()


def _pack(texts: Iterable[bytes]) -> np.ndarray:
    return np.frombuffer(b"".join(text.replace(b"\0", b"?") + b"\0" for text in texts), np.uint8)


def unpack(packed: np.ndarray) -> list[bytes]:
    """The texts of a table."""
    return packed.tobytes().split(b"\0")[:-1]


def _check_room(path: Path, size: int) -> None:
    """Asks for the space first: HDF5 notices a full disk only when it closes a file, and prints pages of traces."""
    with path.open("wb") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
                raise


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    """HDF5 reports some failures to write as RuntimeError with the number of the system's error in the text."""
    try:
        yield
    except (RuntimeError, OSError) as error:
        found = re.search(r"errno = (\d+)", str(error))
        if found is None:
            raise
        number = int(found.group(1))
        raise OSError(number, os.strerror(number), None) from None


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class ShardReader:
    """Reads one finished shard. Its tables are read at once, its frames by plain reads at an offset, which neither
    lock, nor hold HDF5's lock, nor care for forks; safe to pickle and to share between threads.

    Args:
        path: the shard.
        kind: the kind that is expected; None takes any.

    Raises:
        UserError: if the file is missing, damaged, unfinished, of another format or kind; the message says what to do.
    """

    def __init__(self, path: str | Path, kind: str | None = None) -> None:
        self.path = Path(path)
        self._handle: BinaryIO | None = None
        with contextlib.closing(open_shard(self.path)) as file:
            try:
                self._read_tables(file)
            except (OSError, KeyError, ValueError, RuntimeError) as error:
                reason = " ".join(str(error).split())[:200]
                raise UserError(f"{self.path}: damaged ({reason}): delete it and rerun its stage") from None
        if kind is not None and self.kind != kind:
            raise UserError(f"{self.path}: holds {self.kind}, but {kind} is needed here")
        self._raw = self.provenance.get("settings", {}).get("codec") == "raw"
        self._index = {item_id: number for number, item_id in enumerate(self.ids)}

    def _read_tables(self, file: Any) -> None:
        self.kind = file.attrs["kind"].decode()
        self.provenance: dict[str, Any] = json.loads(file.attrs["provenance"])
        self.digest = file.attrs["digest"].decode()
        self.ids = [os.fsdecode(value) for value in unpack(file["items/id"][:])]
        self.labels = file["items/label"][:]
        self.counts = file["items/count"][:]
        self.info = [json.loads(value) for value in unpack(file["items/info"][:])]
        failures = zip(*(unpack(file[name][:]) for name in FAILURES), strict=True)
        self.failures = [Failed(os.fsdecode(key), why.decode("utf-8", "surrogateescape")) for key, why in failures]
        if not len(self.ids) == len(self.labels) == len(self.counts) == len(self.info):
            raise ValueError("tables of different lengths")
        self._first = file["items/first"][:]
        # Places in the file, not in the dataset: it is stored as one piece. An empty one has no place.
        self._offsets = file["offsets"][:].astype(np.int64) + (file["bytes"].id.get_offset() or 0)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_handle": None}

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._index

    def index(self, item_id: str) -> int:
        """Position of an item. Raises KeyError if the shard does not hold it."""
        return self._index[item_id]

    def encoded(self, item: int, start: int = 0, stop: int | None = None) -> list[bytes]:
        """Encoded frames start..stop of an item, in one contiguous read."""
        count = int(self.counts[item])
        stop = count if stop is None else stop
        if not 0 <= start <= stop <= count:
            raise IndexError(f"frames {start}..{stop} of an item with {count}")
        places = self._offsets[self._first[item] + start : self._first[item] + stop + 1]
        if start == stop:
            return []
        if self._handle is None:
            self._handle = self.path.open("rb", buffering=0)
        data = os.pread(self._handle.fileno(), int(places[-1] - places[0]), int(places[0]))
        return [data[low:high] for low, high in itertools.pairwise((places - places[0]).tolist())]

    def frames(self, item: int, indices: Sequence[int] | np.ndarray | None = None) -> np.ndarray:
        """Decoded frames of an item.

        Args:
            item: position of the item in the shard.
            indices: frames to take, in any order, repeats allowed; None takes all.

        Returns:
            (N,H,W,3) uint8 RGB of a shard of frames, (N,H,W,2) float32 pixels of flow, (N,H,W) uint16 of depth.

        Raises:
            IndexError: if an index is outside 0..count-1.
            UserError: if a frame does not decode.
        """
        stored = self.stored(item, indices)
        return dequantise(stored, self.provenance["settings"]["bound"]) if self.kind == "flow" else stored

    def stored(
        self,
        item: int,
        indices: Sequence[int] | np.ndarray | None = None,
        area: Callable[[int, int], Area] | None = None,
    ) -> np.ndarray:
        """Like `frames`, but flow stays in its (N,h,w,2) uint8 codes, and of each frame only an area is kept.

        Args:
            item: position of the item in the shard.
            indices: frames to take, in any order, repeats allowed; None takes all.
            area: gives rows and columns to keep for a height and width; None keeps all.
        """
        wanted = np.arange(self.counts[item]) if indices is None else np.asarray(indices, np.int64)
        if wanted.size == 0:
            raise IndexError("no frames asked for")
        if wanted.min() < 0 or wanted.max() >= self.counts[item]:
            raise IndexError(f"frames {wanted.min()}..{wanted.max()} of an item with {self.counts[item]}")
        numbers, places = np.unique(wanted, return_inverse=True)
        # One read for each run of neighbours: frames spread over a long video are a small part of it.
        runs = np.split(numbers, np.flatnonzero(np.diff(numbers) > 1) + 1)
        encoded = [data for run in runs for data in self.encoded(item, int(run[0]), int(run[-1]) + 1)]
        result: np.ndarray | None = None
        for number, data in enumerate(encoded):
            frame = self._decode(data, item)
            frame = frame[area(*frame.shape[:2])] if area is not None else frame
            if result is None:
                result = np.empty((len(wanted), *frame.shape), frame.dtype)
            for place in np.flatnonzero(places == number):
                result[place] = frame
        if result is None:
            raise RuntimeError("no frame was read")
        return result

    def _decode(self, data: bytes, item: int) -> np.ndarray:
        info = self.info[item]
        try:
            if self._raw:
                shape = (info["height"], info["width"], 2 if self.kind == "flow" else 3)
                return np.frombuffer(data, np.uint8).reshape(shape)
            if self.kind == "flow":
                return decode_codes(data, info["height"])
            flags = cv2.IMREAD_UNCHANGED if self.kind == "depth" else cv2.IMREAD_COLOR_RGB
            image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
        except (cv2.error, ValueError):
            image = None
        if image is None:
            raise UserError(
                f"{self.path}: a frame of {self.ids[item]!r} does not decode: delete the shard and rerun its stage"
            )
        return image


def open_shard(path: Path) -> Any:
    """Opens a finished shard for reading.

    Raises:
        UserError: if it is missing, damaged, unfinished or of another format.
    """
    try:
        file = h5py.File(path, "r", locking=False)
        complete, found = bool(file.attrs.get("complete", False)), int(file.attrs.get("format", -1))
    except FileNotFoundError:
        raise UserError(f"{path}: no such shard: run the stage that makes it") from None
    except (OSError, KeyError, RuntimeError, ValueError) as error:
        raise UserError(f"{path}: not a readable shard ({error}): delete it and rerun its stage") from None
    if not complete or found != FORMAT:
        file.close()
        raise UserError(
            f"{path}: unfinished, or of format {found} where {FORMAT} is needed: delete it and rerun its stage"
        )
    return file

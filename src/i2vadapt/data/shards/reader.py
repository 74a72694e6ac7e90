"""Reading finished shards."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np

from i2vadapt.data.flow_codec import decode_codes, dequantise
from i2vadapt.data.shards.codec import decode_jpeg, unit_range
from i2vadapt.data.shards.format import FAILURES, Failed, open_shard, unpack
from i2vadapt.data.shards.stored import StoredFrames
from i2vadapt.errors import StageError, UserError

Area = tuple[slice, slice]  # rows and columns of a frame to keep


class ShardReader:
    """Reads one finished shard.

    The tables are read at once; frames are read later by plain reads at an offset, which need no file lock, do not
    hold HDF5's lock, and survive forks. A reader is safe to pickle and to share between threads.

    Args:
        path: shard to read.
        kind: expected kind; None accepts any.

    Raises:
        UserError: if the file is missing, damaged, unfinished, or of another format or kind; the message says what
            to do.
    """

    def __init__(self, path: str | Path, kind: str | None = None) -> None:
        self.path = Path(path)
        self._handle: BinaryIO | None = None
        with contextlib.closing(open_shard(self.path)) as file:
            try:
                self._read_tables(file)
            except (OSError, KeyError, ValueError, RuntimeError) as error:
                reason = " ".join(str(error).split())[:200]
                raise UserError(f"{self.path}: damaged ({reason}); delete it and run its stage again") from None
        if kind is not None and self.kind != kind:
            raise UserError(f"{self.path}: contains {self.kind}, but {kind} is needed here")
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
        # Offsets in the file rather than in the dataset, which is contiguous. An empty dataset has no offset.
        self._offsets = file["offsets"][:].astype(np.int64) + (file["bytes"].id.get_offset() or 0)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_handle": None}

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._index

    def index(self, item_id: str) -> int:
        """Position of an item. Raises KeyError if the shard does not contain it."""
        return self._index[item_id]

    def encoded(self, item: int, start: int = 0, stop: int | None = None) -> list[bytes]:
        """Encoded frames start..stop (exclusive) of an item, in one contiguous read."""
        count = int(self.counts[item])
        stop = count if stop is None else stop
        if not 0 <= start <= stop <= count:
            raise IndexError(f"frames {start}..{stop} of an item with {count} frames")
        places = self._offsets[self._first[item] + start : self._first[item] + stop + 1]
        if start == stop:
            return []
        if self._handle is None:
            self._handle = self.path.open("rb", buffering=0)
        data = os.pread(self._handle.fileno(), int(places[-1] - places[0]), int(places[0]))
        return [data[low:high] for low, high in itertools.pairwise((places - places[0]).tolist())]

    def stored_frames(self, item: int) -> StoredFrames:
        """All encoded frames of an item, which are read when they are used."""
        first, count = int(self._first[item]), int(self.counts[item])
        places = self._offsets[first : first + count + 1]
        return StoredFrames(self.path, int(places[0]), np.diff(places))

    def frames(self, item: int, indices: Sequence[int] | np.ndarray | None = None) -> np.ndarray:
        """Decoded frames of an item.

        Args:
            item: position of the item in the shard.
            indices: frames to read, in any order, repeats allowed; None reads all.

        Returns:
            (N,H,W,3) uint8 RGB for frames, (N,H,W,2) float32 pixels for flow, (N,H,W) uint16 for depth.

        Raises:
            IndexError: if an index is outside 0..count-1.
            StageError: if a frame does not decode, since the shard is damaged.
        """
        stored = self.stored(item, indices)
        return dequantise(stored, self.provenance["settings"]["bound"]) if self.kind == "flow" else stored

    def inverse_depth(self, item_id: str) -> np.ndarray:
        """Inverse depth of a photograph, (H,W) float32 in [0,1], of a shard of depth.

        Raises:
            KeyError: if the shard does not hold the item.
            StageError: if the map does not decode, since the shard is damaged.
        """
        return unit_range(self.frames(self.index(item_id))[0])

    def stored(
        self,
        item: int,
        indices: Sequence[int] | np.ndarray | None = None,
        area: Callable[[int, int], Area] | None = None,
    ) -> np.ndarray:
        """Like `frames`, but returns flow as (N,h,w,2) uint8 codes, and keeps only an area of each frame.

        Args:
            item: position of the item in the shard.
            indices: frames to read, in any order, repeats allowed; None reads all.
            area: maps a frame's height and width to the rows and columns to keep; None keeps all.
        """
        wanted = np.arange(self.counts[item]) if indices is None else np.asarray(indices, np.int64)
        if wanted.size == 0:
            raise IndexError("no frames requested")
        if wanted.min() < 0 or wanted.max() >= self.counts[item]:
            raise IndexError(f"frames {wanted.min()}..{wanted.max()} of an item with {self.counts[item]} frames")
        numbers, places = np.unique(wanted, return_inverse=True)
        # One read per run of consecutive frames: frames spread over a long video are a small part of it.
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
            if self.kind == "depth":
                image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
            else:
                image = decode_jpeg(data)
        except (cv2.error, ValueError):
            image = None
        if image is None:
            raise StageError(
                f"{self.path}: a frame of {self.ids[item]!r} does not decode; delete the shard and run its stage again"
            )
        return image

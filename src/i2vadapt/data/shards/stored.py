"""Encoded frames that lie in a file, so that those of a long video are never in memory together."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, overload

import numpy as np

from i2vadapt.files.temporary import remove_abandoned, temporary_name

_NAME = "frames"


class StoredFrames(Sequence[bytes]):
    """Encoded frames, one after the other in a file; they are read when they are used.

    Args:
        path: file that contains them.
        start: place of the first one in the file, bytes.
        lengths: (n,) length of each, bytes.
    """

    def __init__(self, path: Path, start: int, lengths: np.ndarray) -> None:
        self.path, self.start, self.lengths = path, start, lengths

    def __len__(self) -> int:
        return len(self.lengths)

    @overload
    def __getitem__(self, index: int) -> bytes: ...

    @overload
    def __getitem__(self, index: slice) -> list[bytes]: ...

    def __getitem__(self, index: int | slice) -> bytes | list[bytes]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        number = range(len(self))[index]
        with self.path.open("rb") as file:
            file.seek(self.start + int(self.lengths[:number].sum(dtype=np.int64)))
            return _read(file, int(self.lengths[number]))

    def __iter__(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            file.seek(self.start)
            for length in self.lengths:
                yield _read(file, int(length))


class FrameWriter:
    """Collects the encoded frames of one item in a temporary file.

    Args:
        folder: folder of the file.

    Raises:
        OSError: if the file can't be written, for example because the disk is full.
    """

    def __init__(self, folder: Path) -> None:
        self.path = temporary_name(folder / _NAME)
        self._file = self.path.open("wb")
        self._lengths: list[int] = []

    def __len__(self) -> int:
        return len(self._lengths)

    def add(self, frame: bytes) -> None:
        """Appends an encoded frame."""
        self._file.write(frame)
        self._lengths.append(len(frame))

    def finish(self) -> StoredFrames:
        """Closes the file and returns its frames."""
        self._file.close()
        return StoredFrames(self.path, 0, np.array(self._lengths, np.int64))

    def discard(self) -> None:
        """Closes and removes the file."""
        self._file.close()
        self.path.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Removes the files of writers whose process on this machine has ended."""
    remove_abandoned(folder / _NAME)


def lengths_of(frames: Sequence[bytes]) -> np.ndarray:
    """Lengths of encoded frames (n,) int64, bytes."""
    return frames.lengths if isinstance(frames, StoredFrames) else np.array([len(frame) for frame in frames], np.int64)


def _read(file: BinaryIO, length: int) -> bytes:
    data = file.read(length)
    if len(data) < length:
        raise OSError(f"{os.fspath(file.name)}: has become shorter while it was being read")
    return data

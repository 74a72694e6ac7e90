"""Opening a video file: its container, recognised by content, and the track that is its video."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import av

from i2vadapt.errors import UserError, cause

LARGEST_FRAME = 1 << 27
"""Pixels of the largest frame that is read, four times those of 8K: a damaged header can ask for any number."""

_STILL = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails
# What FFmpeg also opens: single pictures (png_pipe, ...), text shown as a terminal, and playlists of other files.
_NO_VIDEOS = frozenset({"image2", "tty", "bin", "xbin", "adf", "idf", "ico", "hls", "dash", "concat", "sdp", "imf"})
_ONE_FILE = {"protocol_whitelist": "none"}  # a playlist must not make FFmpeg open other files or addresses


class Source:
    """A file as PyAV reads it. Nothing is raised inside FFmpeg, where PyAV would print the error instead.

    Attributes:
        name: name of the file, from which FFmpeg takes hints.
        error: error of the system that ended the reading, if one did.
    """

    def __init__(self, path: str | os.PathLike[str], file: BinaryIO) -> None:
        self.name = str(path)
        self.error: OSError | None = None
        self._file = file

    def read(self, size: int) -> bytes:
        """Reads up to `size` bytes; none at the end of the file and after an error."""
        try:
            return self._file.read(size)
        except OSError as error:
            self.error = error
            return b""

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Moves to a position and returns it; a position that a damaged header makes up gives FFmpeg's error code."""
        try:
            return self._file.seek(offset, whence)
        except (OSError, ValueError, OverflowError):
            return -errno.EINVAL

    def tell(self) -> int:
        """Position in the file."""
        return self._file.tell()


@contextmanager
def open_video(
    path: str | os.PathLike[str],
) -> Iterator[tuple[av.container.InputContainer, av.video.stream.VideoStream]]:
    """Opens a video file for reading.

    Whatever exception its content causes, inside the `with` block too, becomes a UserError with the file's name.

    Yields:
        The container and its video: the track that FFmpeg calls best, but neither a cover nor a thumbnail.

    Raises:
        UserError: if the file can't be read, is empty, or contains no video that FFmpeg can decode.
    """
    try:
        file = _open_file(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {cause(error)}") from None
    with file:
        source = Source(path, file)
        try:
            with av.open(source, metadata_errors="ignore", container_options=_ONE_FILE) as container:
                yield container, _video_track(path, container)
        except UserError:
            raise
        except Exception as error:  # of PyAV, FFmpeg or NumPy: damaged bytes cause nearly any
            if source.error is None:
                raise UserError(f"{path}: not a readable video ({cause(error)})") from None
        if source.error is not None:
            raise UserError(f"{path}: cannot be read: {cause(source.error)}")


def _open_file(path: str | os.PathLike[str]) -> BinaryIO:
    # Checked before it is opened, since opening a pipe waits for its writer.
    found = os.stat(path)
    if stat.S_ISREG(found.st_mode) and found.st_size == 0:
        raise UserError(f"{path}: is empty")
    if not stat.S_ISREG(found.st_mode) and not stat.S_ISDIR(found.st_mode):
        raise UserError(f"{path}: is not a regular file")
    # Opened here because PyAV refuses file names that are not UTF-8.
    return open(path, "rb")


def count_packets(path: str | os.PathLike[str]) -> int:
    """Counts the coded pictures of a video that are shown, without decoding; seldom off by more than one.

    Raises:
        UserError: see `open_video`.
    """
    count = 0
    with open_video(path) as (container, stream):
        try:
            for packet in container.demux(stream):
                count += packet.size > 0 and not packet.is_discard
        except av.error.FFmpegError:
            return count
    return count


def _video_track(path: str | os.PathLike[str], container: av.container.InputContainer) -> av.video.stream.VideoStream:
    kind = container.format.name
    if kind in _NO_VIDEOS or kind.endswith("_pipe"):
        raise UserError(f"{path}: contains no video (FFmpeg recognises {kind.removesuffix('_pipe')})")
    tracks = container.streams.video
    moving = [track for track in tracks if not track.disposition & _STILL]
    if not moving:
        raise UserError(f"{path}: contains no video{', only a cover picture' if tracks else ''}")
    known = [track for track in moving if track.codec_context is not None]
    if not known:
        raise UserError(f"{path}: not a readable video (its codec is unknown to FFmpeg, or its header is damaged)")
    best = container.streams.best("video")
    chosen = best if best in known else max(known, key=_pixels)
    if _pixels(chosen) > LARGEST_FRAME:
        size = f"{chosen.codec_context.width}x{chosen.codec_context.height}"
        raise UserError(f"{path}: frames of {size} pixels; at most {LARGEST_FRAME:,} pixels are read")
    return chosen


def _pixels(track: av.video.stream.VideoStream) -> int:
    return int(track.codec_context.width * track.codec_context.height)

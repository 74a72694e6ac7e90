"""Decoding and writing videos with the FFmpeg libraries bundled with PyAV."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from i2vadapt.data.image import resize, size_with_short_side
from i2vadapt.errors import UserError
from i2vadapt.files.atomic import replacing

_FORMATS = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska", ".avi": "avi"}
_CRF = "18"
# Headers also count frames that are meant to be skipped; only a larger gap means that the end of the file is missing.
_HEADER_SLACK = (3, 0.02)
_SAME_RATE = 0.03


@dataclass(frozen=True)
class VideoFrames:
    """A decoded video.

    Attributes:
        frames: (T,H,W,3) uint8 RGB.
        fps: frames per second.
        warning: what did not decode; empty if everything did.
    """

    frames: np.ndarray
    fps: float
    warning: str

    @property
    def truncated(self) -> bool:
        """Whether some of the video did not decode."""
        return bool(self.warning)


class VideoStream:
    """The frames of a video file in order, decoded one at a time; iterating again decodes again.

    Frames are upright, (H,W,3) uint8 RGB, and all have the size of the first one. Only frames that decode count:
    damaged stretches are skipped, and the number of frames in the header is not trusted.

    Attributes:
        fps: frames per second, (frames - 1) / (last time - first time), or the rate in the header if there are no
            times or the two agree within 3 %; 0 until the last frame has been read.
        frames: number of frames read so far.
        warning: what did not decode; empty as long as everything does.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path
        self._reset()

    def _reset(self) -> None:
        self.fps, self.frames, self.warning = 0.0, 0, ""
        self._earliest, self._latest = np.inf, -np.inf
        self._broken, self._cut = 0, ""

    def __iter__(self) -> Iterator[np.ndarray]:
        """Decodes the file.

        Raises:
            UserError: if the file can't be opened, contains no video, or not one frame decodes.
        """
        self._reset()
        shape: tuple[int, ...] = ()
        with _open(self.path) as (container, stream):
            rate, declared, tick = float(stream.average_rate or 0), stream.frames, float(stream.time_base or 1)
            for frame in self._decode(container, stream):
                image = _upright_rgb(frame)
                shape = shape or image.shape
                if frame.pts is not None:
                    # Minimum and maximum, since some old AVI files number their frames out of order.
                    self._earliest = min(self._earliest, frame.pts * tick)
                    self._latest = max(self._latest, frame.pts * tick)
                self.frames += 1
                yield image if image.shape == shape else resize(image, shape[0], shape[1])
        if self.frames == 0:
            raise UserError(f"{self.path}: no frame of the video decodes{self._cut and f' ({self._cut})'}")
        span = self._latest - self._earliest
        measured = (self.frames - 1) / span if np.isfinite(span) and span > 0 else rate
        # The same old files repeat or skip a number here and there; a difference that small is no evidence against
        # the header.
        self.fps = rate if abs(measured - rate) <= _SAME_RATE * rate else measured
        self.warning = self._describe_damage(declared)

    def _decode(
        self, container: av.container.InputContainer, stream: av.video.stream.VideoStream
    ) -> Iterator[av.VideoFrame]:
        packets = container.demux(stream)
        ended = False
        while not ended:
            try:
                packet = next(packets, None)
            except av.error.FFmpegError as error:
                packet, self._cut = None, _reason(error)
            ended = packet is None or packet.size == 0
            try:
                # Without a packet the decoder flushes the frames that it still holds.
                yield from stream.codec_context.decode(None if ended else packet)
            except av.error.EOFError:
                return
            except av.error.FFmpegError:
                self._broken += 1

    def _describe_damage(self, declared: int) -> str:
        least, share = _HEADER_SLACK
        if self._cut:
            return f"incomplete: {self.frames} frames decode before the file breaks off ({self._cut})"
        if declared - self.frames - self._broken > max(least, share * declared):
            return f"incomplete: {self.frames} frames decode, the header says {declared}"
        if self._broken:
            return f"damaged: {self.frames} frames decode, {self._broken} packets do not"
        return ""


def read_frames(path: str | os.PathLike[str], short_side: int | None = None) -> VideoFrames:
    """Decodes a whole video.

    Args:
        path: video file.
        short_side: length of the shorter side after resizing, pixels; None keeps the size.

    Raises:
        UserError: if the file can't be opened, contains no video, or not one frame decodes.
    """
    stream = VideoStream(path)
    frames = np.stack(list(_resized(stream, short_side)))
    return VideoFrames(frames, stream.fps, stream.warning)


def count_packets(path: str | os.PathLike[str]) -> int:
    """Counts the coded pictures in a video file without decoding; seldom off by more than one from the frame count.

    Raises:
        UserError: if the file can't be opened or contains no video.
    """
    count = 0
    with _open(path) as (container, stream):
        try:
            for packet in container.demux(stream):
                count += packet.size > 0
        except av.error.FFmpegError:
            return count
    return count


def write_video(path: str | os.PathLike[str], frames: np.ndarray, fps: float) -> None:
    """Writes a video atomically, as H.264 if FFmpeg has an encoder for it and as MPEG-4 otherwise.

    Args:
        path: file to write; ends in .mp4, .mov, .mkv or .avi.
        frames: (T,H,W,3) uint8 RGB. An odd height or width is made even by repeating the last row or column.
        fps: frames per second.

    Raises:
        UserError: if the frames have another shape or type, fps is not positive, or the file can't be written.
    """
    path = Path(path)
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[3] != 3 or frames.size == 0:
        raise UserError(
            f"{path}: frames must be uint8 of shape (T, H, W, 3), not {frames.dtype} of shape {frames.shape}"
        )
    if not 0 < fps < 1e4:
        raise UserError(f"{path}: fps: must be greater than 0, not {fps}")
    if path.suffix.lower() not in _FORMATS:
        raise UserError(f"{path}: the name of a video must end in one of {', '.join(_FORMATS)}")
    try:
        with replacing(path, path.suffix) as temporary, temporary.open("wb") as file:
            _encode(file, _FORMATS[path.suffix.lower()], frames, fps)
    except (OSError, av.error.FFmpegError) as error:
        raise UserError(f"{path}: cannot be written: {_reason(error)}") from None


def _encode(file: object, container_format: str, frames: np.ndarray, fps: float) -> None:
    _, height, width, _ = frames.shape
    h264 = "libx264" in av.codecs_available
    with av.open(file, "w", format=container_format) as container:
        stream = container.add_stream("libx264" if h264 else "mpeg4", rate=Fraction(fps).limit_denominator(1001))
        stream.height, stream.width, stream.pix_fmt = height + height % 2, width + width % 2, "yuv420p"
        stream.options = {"crf": _CRF} if h264 else {"qscale": "3"}
        for frame in frames:
            even = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
            container.mux(stream.encode(av.VideoFrame.from_ndarray(even, format="rgb24")))
        container.mux(stream.encode(None))


@contextmanager
def _open(
    path: str | os.PathLike[str],
) -> Iterator[tuple[av.container.InputContainer, av.video.stream.VideoStream]]:
    try:
        # Opened here because PyAV refuses file names that are not UTF-8.
        with open(path, "rb") as file:
            try:
                container = av.open(file, metadata_errors="ignore")
            except (av.error.FFmpegError, UnicodeDecodeError) as error:
                raise UserError(f"{path}: not a readable video ({_reason(error)})") from None
            with container:
                if not container.streams.video:
                    raise UserError(f"{path}: contains no video")
                yield container, container.streams.video[0]
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {_reason(error)}") from None


def _upright_rgb(frame: av.VideoFrame) -> np.ndarray:
    quarter_turns = round(frame.rotation / 90) % 4  # counter-clockwise, like np.rot90
    image = frame.to_ndarray(format="rgb24")
    return np.ascontiguousarray(np.rot90(image, quarter_turns)) if quarter_turns else image


def _resized(stream: VideoStream, short_side: int | None) -> Iterator[np.ndarray]:
    for frame in stream:
        if short_side is None:
            yield frame
        else:
            height, width = frame.shape[:2]
            yield resize(frame, *size_with_short_side(height, width, short_side, "keep"))


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)

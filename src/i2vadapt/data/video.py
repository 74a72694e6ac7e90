"""Decoding and writing videos with the FFmpeg libraries bundled with PyAV."""

from __future__ import annotations

import os
from array import array
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from i2vadapt.data.container import open_video
from i2vadapt.data.image import resize, size_with_short_side
from i2vadapt.data.presentation import (
    Matrix,
    display_matrix,
    is_oblique,
    is_transposed,
    shown_width,
    to_rgb,
    turn_upright,
)
from i2vadapt.errors import UserError, cause
from i2vadapt.files.atomic import replacing

WRITTEN_FORMATS = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska", ".avi": "avi"}
"""Containers of the videos that `write_video` writes, by their suffixes."""
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
        aspect: width of a pixel by its height, from the first frame on: where it is not 1, a player stretches frames.
        warning: what did not decode or is not shown as the file says; empty as long as everything is.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path
        self._reset()

    def _reset(self) -> None:
        self.fps, self.frames, self.warning, self.aspect = 0.0, 0, "", Fraction(1)
        self._times = array("d")
        self._broken, self._cut = 0, ""
        self._notes: dict[str, None] = {}

    def __iter__(self) -> Iterator[np.ndarray]:
        """Decodes the file.

        Raises:
            UserError: if the file can't be read, contains no video, or not one frame decodes.
        """
        return (image for _, image in self.pick(None))

    def count(self) -> int:
        """Decodes the file and counts its frames, without converting any.

        Raises:
            UserError: see `__iter__`.
        """
        for _ in self.pick(()):
            pass
        return self.frames

    def pick(self, wanted: Collection[int] | None) -> Iterator[tuple[int, np.ndarray]]:
        """Decodes the file and yields the wanted frames with their numbers; None stands for all.

        Raises:
            UserError: see `__iter__`.
        """
        self._reset()
        shape: tuple[int, ...] = ()
        with open_video(self.path) as (container, stream):
            rate, expected = float(stream.average_rate or 0), _expected_frames(container, stream)
            tick, aspect = float(stream.time_base or 1), stream.sample_aspect_ratio
            for frame in self._decode(container, stream):
                number = self.frames
                self.frames += 1
                self._note_time(frame, tick)
                if wanted is not None and number and number not in wanted:
                    continue
                # The first frame is always converted, since it sets the size.
                image, matrix = self._picture(frame)
                if not shape:
                    shape = image.shape
                    self.aspect = _upright_aspect(aspect, matrix)
                if wanted is None or number in wanted:
                    yield number, image if image.shape == shape else resize(image, shape[0], shape[1])
        if self.frames == 0:
            raise UserError(f"{self.path}: no frame of the video decodes{self._cut and f' ({self._cut})'}")
        self.fps = self._measure_rate(rate)
        self.warning = "; ".join(filter(None, (self._describe_damage(expected), *self._notes)))

    def times(self) -> np.ndarray:
        """Times (frames,) at which the frames that were read are shown, from 0 for the first one, seconds.

        They follow from the frame rate where the file gives none, or none in order.
        """
        times = np.array(self._times)
        if np.isfinite(times).all() and (np.diff(times) > 0).all():
            return times - times[:1]
        return np.arange(len(times)) / self.fps if self.fps else np.zeros(len(times))

    def _note_time(self, frame: av.VideoFrame, tick: float) -> None:
        self._times.append(np.nan if frame.pts is None else frame.pts * tick)

    def _measure_rate(self, rate: float) -> float:
        times = np.array(self._times)
        known = times[np.isfinite(times)]
        # From the minimum to the maximum, since some old AVI files number their frames out of order.
        span = np.ptp(known) if known.size else 0.0
        measured = (self.frames - 1) / float(span) if span > 0 else rate
        # The same old files repeat or skip a number here and there; a difference that small is no evidence against
        # the header.
        return rate if abs(measured - rate) <= _SAME_RATE * rate else measured

    def _picture(self, frame: av.VideoFrame) -> tuple[np.ndarray, Matrix]:
        matrix = display_matrix(frame)
        image, note = to_rgb(frame)
        oblique = "turned by less or more than a quarter turn, shown at the nearest one" if is_oblique(matrix) else ""
        self._notes |= dict.fromkeys(filter(None, (note, oblique)))
        return turn_upright(image, matrix), matrix

    def _decode(
        self, container: av.container.InputContainer, stream: av.video.stream.VideoStream
    ) -> Iterator[av.VideoFrame]:
        packets = container.demux(stream)
        ended = False
        while not ended:
            try:
                packet = next(packets, None)
            except av.error.FFmpegError as error:
                packet, self._cut = None, cause(error)
            ended = packet is None or packet.size == 0
            try:
                # Without a packet the decoder flushes the frames that it still holds.
                yield from stream.codec_context.decode(None if ended else packet)
            except av.error.EOFError:
                return
            except av.error.FFmpegError:
                self._broken += 1

    def _describe_damage(self, expected: float) -> str:
        least, share = _HEADER_SLACK
        if self._cut:
            return f"incomplete: {self.frames} frames decode before the file breaks off ({self._cut})"
        if expected - self.frames - self._broken > max(least, share * expected):
            return f"incomplete: {self.frames} frames decode, the header says {round(expected)}"
        if self._broken:
            return f"damaged: {self.frames} frames decode, {self._broken} packets do not"
        return ""


def read_frames(path: str | os.PathLike[str], short_side: int | None = None) -> VideoFrames:
    """Decodes a whole video into memory, which is meant for short ones.

    Args:
        path: video file.
        short_side: length of the shorter side after resizing, pixels; None keeps the size at which players show it.

    Raises:
        UserError: if the file can't be read, contains no video, or not one frame decodes.
    """
    stream = VideoStream(path)
    frames = np.stack(list(shown_frames(stream, short_side)))
    return VideoFrames(frames, stream.fps, stream.warning)


def write_video(path: str | os.PathLike[str], frames: Iterable[np.ndarray], fps: float) -> None:
    """Writes a video atomically, as H.264 if FFmpeg has an encoder for it and as MPEG-4 otherwise.

    Args:
        path: file to write; ends in .mp4, .mov, .mkv or .avi.
        frames: frames (H,W,3) uint8 RGB of one size, consumed one at a time. An odd height or width is made even by
            repeating the last row or column.
        fps: frames per second.

    Raises:
        UserError: if a frame has another shape or type, there is none, fps is not positive, or the file can't be
            written.
    """
    path = Path(path)
    if not 0 < fps < 1e4:
        raise UserError(f"{path}: fps: must be greater than 0, not {fps}")
    check_video_name(path)
    try:
        with replacing(path, path.suffix) as temporary, temporary.open("wb") as file:
            _encode(file, WRITTEN_FORMATS[path.suffix.lower()], _checked(frames, path), fps)
    except (OSError, av.error.FFmpegError) as error:
        raise UserError(f"{path}: cannot be written: {cause(error)}") from None


def check_video_name(path: Path) -> None:
    """Raises UserError if `write_video` knows no container for the suffix of a name."""
    if path.suffix.lower() not in WRITTEN_FORMATS:
        raise UserError(f"{path}: the name of a video must end in one of {', '.join(WRITTEN_FORMATS)}")


def _checked(frames: Iterable[np.ndarray], path: Path) -> Iterator[np.ndarray]:
    shape: tuple[int, ...] = ()
    for frame in frames:
        shape = shape or frame.shape
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or frame.size == 0 or frame.shape != shape:
            raise UserError(
                f"{path}: frames must be uint8 of one shape (H, W, 3), not {frame.dtype} of shape {frame.shape}"
            )
        yield frame
    if not shape:
        raise UserError(f"{path}: a video needs at least one frame")


def _encode(file: object, container_format: str, frames: Iterator[np.ndarray], fps: float) -> None:
    h264 = "libx264" in av.codecs_available
    with av.open(file, "w", format=container_format) as container:
        stream = container.add_stream("libx264" if h264 else "mpeg4", rate=Fraction(fps).limit_denominator(1001))
        stream.options = {"crf": _CRF} if h264 else {"qscale": "3"}
        for number, frame in enumerate(frames):
            height, width, _ = frame.shape
            if number == 0:
                stream.height, stream.width, stream.pix_fmt = height + height % 2, width + width % 2, "yuv420p"
            even = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
            container.mux(stream.encode(av.VideoFrame.from_ndarray(even, format="rgb24")))
        container.mux(stream.encode(None))


def shown_frames(stream: VideoStream, short_side: int | None = None) -> Iterator[np.ndarray]:
    """Yields the frames of a video in the shape that a player shows, (H,W,3) uint8 RGB.

    Args:
        stream: the video.
        short_side: length of the shorter side after resizing, pixels; None keeps the height of the frames.

    Raises:
        UserError: as iterating over the stream.
    """
    for frame in stream:
        height, width = frame.shape[:2]
        shown = shown_width(width, stream.aspect)
        size = (height, round(shown)) if short_side is None else size_with_short_side(height, shown, short_side, "keep")
        yield resize(frame, *size)


def _expected_frames(container: av.container.InputContainer, stream: av.video.stream.VideoStream) -> float:
    """Number of frames by the header; of those in an MP4 file, as many as its edit list lets play."""
    # Other containers have no edit lists, and FFmpeg corrects their durations by the size of a file that is cut short.
    if container.format.name.startswith("mov") and stream.duration and stream.time_base and stream.average_rate:
        return min(stream.frames, float(stream.duration * stream.time_base * stream.average_rate))
    return stream.frames


def _upright_aspect(aspect: Fraction | None, matrix: Matrix) -> Fraction:
    if not aspect or aspect < 0:
        return Fraction(1)
    return 1 / aspect if is_transposed(matrix) else aspect

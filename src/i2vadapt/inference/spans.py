"""The parts of a video that are classified by themselves, and the frames that the networks look at in each."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from i2vadapt.clips.plain_video import needed_frames
from i2vadapt.data.container import count_packets
from i2vadapt.data.decode import prepare_frames
from i2vadapt.data.video import VideoStream
from i2vadapt.errors import UserError
from i2vadapt.inference.classifier import Classifier

_logger = logging.getLogger(__name__)

_SOON = 1e-6  # seconds: a frame that much before the start of a window belongs to it


@dataclass(frozen=True)
class Span:
    """A part of a video, or the whole.

    Attributes:
        start: its start, seconds from the first frame.
        end: its end, seconds.
        first: number of its first frame.
        count: number of its frames.
    """

    start: float
    end: float
    first: int
    count: int


@dataclass(frozen=True)
class SpanFrames:
    """The frames that the networks look at in a span.

    Attributes:
        span: the span.
        frames: frames by number, (H,W,3) uint8 RGB, at the size and brightness of the settings.
        spans: number of spans of the video.
    """

    span: Span
    frames: dict[int, np.ndarray]
    spans: int


def read_spans(path: Path, classifier: Classifier, seconds: float | None = None) -> Iterator[SpanFrames]:
    """Reads a video once to count its frames, and once to yield its spans; memory holds the frames of two of them.

    The first reading is left out where the video is one span and as many frames decode as there are packets.

    Args:
        path: video file.
        classifier: the networks, with the settings of their frames.
        seconds: length of the windows, each of which begins in the middle of the one before; None: one span, the whole.

    Raises:
        UserError: if the video can't be read, is too short, or the windows are shorter than two frames.
    """
    settings = classifier.members[0].decode
    stream = VideoStream(path)
    if seconds is None:
        guess = Span(0, 0, 0, max(count_packets(path), settings.min_frames))
        frames = dict(prepare_frames(stream, settings, _needed(classifier, guess)))
        if stream.frames == guess.count:
            (span,) = _checked_spans(stream, settings.min_frames, None)
            yield SpanFrames(span, frames, 1)
            return
    else:
        stream.count()
    spans = _checked_spans(stream, settings.min_frames, seconds)
    needed = [_needed(classifier, span) for span in spans]
    prepared = prepare_frames(stream, settings, frozenset[int]().union(*needed))
    for span, frames in zip(spans, _gather(prepared, needed, path), strict=True):
        yield SpanFrames(span, frames, len(spans))


def _needed(classifier: Classifier, span: Span) -> set[int]:
    settings = [member.settings for member in classifier.members]
    numbers = set[int]().union(*(needed_frames(one.stream, span.count, one.test_frames) for one in settings))
    return {span.first + number for number in numbers}


def _checked_spans(stream: VideoStream, least: int, seconds: float | None) -> list[Span]:
    """The spans of a video that has been read to its end; a warning says what of it did not decode."""
    if stream.warning:
        _logger.warning("%s: %s", stream.path, stream.warning)
    if stream.frames < least:
        raise UserError(f"{stream.path}: {stream.frames} frames decode, at least {least} are needed")
    if seconds is None or not stream.fps:
        times = stream.times()
        return [Span(0.0, _end(times, stream.fps), 0, stream.frames)]
    if seconds * stream.fps < 2:
        raise UserError(f"{stream.path}: windows of {seconds:g} s are shorter than two frames ({2 / stream.fps:.3g} s)")
    return divide(stream.times(), stream.fps, seconds, least)


def _end(times: np.ndarray, fps: float) -> float:
    return float(times[-1]) + (1 / fps if fps else 0.0)


def divide(times: np.ndarray, fps: float, seconds: float, least: int) -> list[Span]:
    """Divides a video into windows; the last one ends with the video and is at least half as long as the others.

    Args:
        times: times of the frames (n,) from 0 on, increasing, seconds.
        fps: frames per second, which gives the duration of the last frame.
        seconds: length of a window.
        least: number of frames that a window has at least, at most n; where the frames are far apart, it takes
            neighbours in.
    """
    end, spans, step = _end(times, fps), list[Span](), seconds / 2
    while not spans or spans[-1].end < end:
        start = len(spans) * step
        stop = min(start + seconds, end)
        if end - stop < _SOON:
            stop = end
        # Between two frames, the one before is shown.
        first = max(int(np.searchsorted(times, start + _SOON, "right")) - 1, 0)
        last = len(times) if stop == end else int(np.searchsorted(times, stop - _SOON, "left"))
        first = max(min(first, len(times) - least), 0)
        spans.append(Span(start, stop, first, max(last - first, least)))
    return spans


def _gather(
    prepared: Iterator[tuple[int, np.ndarray]], needed: Sequence[set[int]], path: Path
) -> Iterator[dict[int, np.ndarray]]:
    """Yields the frames of each span as soon as the last of them has come, and forgets those that no later one needs.

    Args:
        prepared: frames with their numbers, in order.
        needed: numbers of the frames of each span; a later span begins later.
        path: the video, for messages.

    Raises:
        UserError: if frames are missing.
    """
    kept: dict[int, np.ndarray] = {}
    done = 0
    for number, frame in prepared:
        kept[number] = frame
        while done < len(needed) and max(needed[done]) <= number:
            yield {wanted: kept[wanted] for wanted in needed[done]}
            done += 1
            first = min(needed[done]) if done < len(needed) else number + 1
            kept = {known: image for known, image in kept.items() if known >= first}
    if done < len(needed):
        raise UserError(f"{path}: has changed while it was read")

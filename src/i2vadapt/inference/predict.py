"""Prediction of plain video files by a trained classifier, as a whole or window by window."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from i2vadapt.clips.evaluation import evaluation_clip
from i2vadapt.clips.plain_video import PlainVideo
from i2vadapt.data.shards.codec import as_stored
from i2vadapt.data.video_files import FoundVideo
from i2vadapt.errors import UserError, cause
from i2vadapt.inference.classifier import Classifier, score_in_batches
from i2vadapt.inference.predictions import FUSED
from i2vadapt.inference.scores import add_probabilities
from i2vadapt.inference.spans import Span, SpanFrames, read_spans
from i2vadapt.runtime.parallel import prefetch, thread_map

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Prediction:
    """What the networks say about a video or a part of it.

    Attributes:
        video: the file.
        span: the part; None if the video failed.
        spans: number of parts of the video, 0 if it failed.
        probabilities: class probabilities (C,) float32 by stream, and those of the fusion, divided by the number of
            networks, under `predictions.FUSED`; a single network has no fusion.
        problem: why the video failed; empty if it did not.
    """

    video: Path
    span: Span | None
    spans: int
    probabilities: Mapping[str, np.ndarray]
    problem: str = ""

    @property
    def final(self) -> np.ndarray:
        """Probabilities (C,) of the fusion, or of the only network."""
        return list(self.probabilities.values())[-1]


@dataclass(frozen=True)
class _Loaded:
    """The clips of a span, one of each network; none if the video failed."""

    video: Path
    span: Span | None
    spans: int
    clips: Sequence[Tensor]
    problem: str = ""


def predict_videos(
    classifier: Classifier, videos: Iterable[FoundVideo], seconds: float | None, batch_size: int, threads: int
) -> Iterator[Prediction]:
    """Classifies video files with the preprocessing of the classifier's training data, as `evaluate` does.

    A video has the probabilities that `evaluate` computes for it from shards made on this machine, to the last bit:
    its frames and flow go through the codec of the shards, and they do not depend on the other videos of a batch.

    Args:
        classifier: trained networks.
        videos: video files.
        seconds: length of the windows, see `read_spans`; None classifies each video as a whole.
        batch_size: number of clips in a forward pass.
        threads: number of threads that decode, compute flow and encode while the networks compute.

    Yields:
        One prediction for each video or window in order, or one with a problem, whatever exception the video caused.
    """
    if seconds is None:
        loaded = thread_map(partial(_load_whole, classifier), videos, threads)
    else:
        parts = (part for video in videos for part in _read_parts(classifier, video, seconds))
        loaded = thread_map(partial(_make_clips, classifier), prefetch(parts), threads)
    group: list[_Loaded] = []
    for one in loaded:
        group.append(one)
        if sum(bool(other.clips) for other in group) == batch_size:
            yield from _predict_group(classifier, group)
            group = []
    yield from _predict_group(classifier, group)


_Part = tuple[Path, SpanFrames | str]
"""A video and the frames of one of its spans, or why it failed."""


def _read_parts(classifier: Classifier, video: FoundVideo, seconds: float | None) -> Iterator[_Part]:
    if video.problem:
        yield video.path, video.problem
        return
    try:
        for part in read_spans(video.path, classifier, seconds):
            yield video.path, part
    except Exception as error:  # of any library
        yield video.path, _reason(video.path, error)


def _load_whole(classifier: Classifier, video: FoundVideo) -> _Loaded:
    (part,) = _read_parts(classifier, video, None)
    return _make_clips(classifier, part)


def _make_clips(classifier: Classifier, part: _Part) -> _Loaded:
    """Builds the clips of a span from its frames, after both have gone through the codecs of the shards."""
    path, read = part
    if isinstance(read, str):
        return _Loaded(path, None, 0, (), read)
    span, decode = read.span, classifier.members[0].decode
    try:
        frames = {number: as_stored(frame, decode.codec, decode.quality) for number, frame in read.frames.items()}
        clips = []
        for member in classifier.members:
            settings = member.settings
            footage = PlainVideo(frames, span.first, span.count, settings.stream, member.flow)
            clips.append(evaluation_clip(footage, str(path), settings.test_frames, settings.crop))
    except Exception as error:  # of any library
        return _Loaded(path, None, 0, (), _reason(path, error))
    return _Loaded(path, span, read.spans, clips)


def _reason(path: Path, error: Exception) -> str:
    _logger.debug("%s", path, exc_info=error)
    return str(error) if isinstance(error, UserError) else f"{path}: cannot be predicted: {cause(error)}"


def _predict_group(classifier: Classifier, group: Sequence[_Loaded]) -> Iterator[Prediction]:
    """Classifies the clips of a batch together, and yields the predictions and the failures in order."""
    good = [loaded for loaded in group if loaded.clips]
    rows: list[np.ndarray] = []
    for number, member in enumerate(classifier.members if good else ()):
        clips = torch.stack([loaded.clips[number] for loaded in good])
        rows.append(score_in_batches(member, [{"clip": clips}]))
    names = [member.settings.stream for member in classifier.members]
    weights = [member.weight for member in classifier.members]
    place = 0
    for loaded in group:
        probabilities: dict[str, np.ndarray] = {}
        if loaded.clips:
            own = [row[place] for row in rows]
            probabilities = dict(zip(names, own, strict=True))
            if len(own) > 1:
                probabilities[FUSED] = add_probabilities(own, weights) / np.float32(len(own))
            place += 1
        yield Prediction(loaded.video, loaded.span, loaded.spans, probabilities, loaded.problem)

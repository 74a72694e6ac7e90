"""Prediction of plain video files by a trained classifier."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from i2vadapt.clips.evaluation import evaluation_clip
from i2vadapt.clips.sampling import uniform_indices
from i2vadapt.clips.window import Window
from i2vadapt.config.base import Stream
from i2vadapt.config.preprocessing import FlowSettings
from i2vadapt.data.decode import prepare_frames
from i2vadapt.data.flow_codec import flip_codes, quantise
from i2vadapt.data.image import flip_frames
from i2vadapt.data.video import VideoStream
from i2vadapt.errors import UserError
from i2vadapt.flow.stage import flow_of_frames
from i2vadapt.inference.classifier import Classifier
from i2vadapt.inference.scoring import score_clips
from i2vadapt.runtime.precision import choose_arithmetic

_logger = logging.getLogger(__name__)


class VideoFile:
    """Clips of one stream of a decoded video; implements `clips.footage.Footage`.

    Args:
        frames: frames (H,W,3) by number, uint8 RGB, prepared as for training; only those that the clips need.
        count: number of frames of the video.
        stream: stream of the clips.
        flow: settings of the flow; used for the stream `flow` only.
    """

    def __init__(self, frames: Mapping[int, np.ndarray], count: int, stream: Stream, flow: FlowSettings) -> None:
        self._frames, self._count, self._stream, self._flow = frames, count, stream, flow

    def count(self, item_id: str) -> int:
        """Number of frames of the video."""
        return self._count

    def clip(self, item_id: str, indices: np.ndarray, window: Window, side: int) -> Tensor:
        """Reads a clip, (T,side,side,3) uint8 RGB or (T,side,side,2) uint8 flow codes; see `ItemDataset.clip`."""
        height, width = self._frames[int(indices[0])].shape[:2]
        area = window.area(height, width, side, item_id)
        if self._stream == "rgb":
            frames = np.stack([self._frames[int(index)][area] for index in indices])
            return torch.from_numpy(flip_frames(frames) if window.flip else frames)
        starts = first_of_pairs(indices, self._count)
        codes = {int(start): self._codes(int(start))[area] for start in np.unique(starts)}
        stacked = np.stack([codes[int(start)] for start in starts])
        return torch.from_numpy(flip_codes(stacked) if window.flip else stacked)

    def _codes(self, start: int) -> np.ndarray:
        """Flow codes of the pair that starts at a frame; only the pairs that a clip needs are computed."""
        pair = np.stack([self._frames[start], self._frames[start + 1]])
        return quantise(flow_of_frames(pair, self._flow)[0], self._flow.bound)[0]


def first_of_pairs(indices: np.ndarray, count: int) -> np.ndarray:
    """Numbers of the first frames of the pairs whose flow stands for frames; the last frame shares the last pair."""
    return np.minimum(indices, count - 2)


def needed_frames(classifier: Classifier, count: int) -> set[int]:
    """Numbers of the frames that the networks look at in a video of `count` frames."""
    needed: set[int] = set()
    for member in classifier.members:
        indices = uniform_indices(count, member.settings.test_frames)
        starts = first_of_pairs(indices, count)
        needed |= set(indices.tolist())
        if member.settings.stream == "flow":
            needed |= set(starts.tolist()) | set((starts + 1).tolist())
    return needed


def predict_video(classifier: Classifier, path: Path) -> np.ndarray:
    """Classifies a video file, with the preprocessing of the classifier's training data.

    The file is decoded twice, so that memory holds only the frames that the networks look at: at most `test_frames`
    for RGB and twice as many for flow, however long the video is.

    Args:
        classifier: trained networks.
        path: video file.

    Returns:
        Fused probabilities (C,), divided by the number of networks, the sum of their weights, so that they sum to 1.

    Raises:
        UserError: if the video cannot be read or is too short.
    """
    frames, count = _decode(classifier, path)
    total = np.zeros(len(classifier.classes), np.float32)
    for member in classifier.members:
        settings = member.settings
        footage = VideoFile(frames, count, settings.stream, member.flow)
        clip = evaluation_clip(footage, str(path), settings.test_frames, settings.crop)
        arithmetic = choose_arithmetic(settings.precision)
        arithmetic.prepare(member.model)
        scored = score_clips(member.model, [{"clip": clip[None]}], arithmetic, settings.fusion)
        total += np.float32(member.weight) * scored.probabilities[0]
    return total / len(classifier.members)


def _decode(classifier: Classifier, path: Path) -> tuple[dict[int, np.ndarray], int]:
    """Counts the frames, then keeps those that are needed: which ones depends on the number that decode."""
    settings = classifier.members[0].decode
    stream = VideoStream(path)
    count = stream.count()
    if stream.warning:
        _logger.warning("%s: %s", path, stream.warning)
    if count < settings.min_frames:
        raise UserError(f"{path}: {count} frames decode, at least {settings.min_frames} are needed")
    return dict(prepare_frames(stream, settings, needed_frames(classifier, count))), count

"""Prediction of plain video files by a trained classifier."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from i2vadapt.clips.evaluation import evaluation_clip
from i2vadapt.clips.window import Window
from i2vadapt.config.base import Stream
from i2vadapt.config.preprocessing import DecodeSettings, FlowSettings
from i2vadapt.data.decode import prepare_frames
from i2vadapt.data.flow_codec import flip_codes, quantise
from i2vadapt.data.image import flip_frames
from i2vadapt.data.video import VideoStream
from i2vadapt.errors import UserError
from i2vadapt.flow.stage import flow_of_frames
from i2vadapt.inference.classifier import Classifier
from i2vadapt.inference.scoring import score_clips
from i2vadapt.runtime.precision import choose_arithmetic


class VideoFile:
    """Clips of one stream of a decoded video; implements `clips.evaluation.Footage`.

    Args:
        frames: frames (H,W,3), uint8 RGB, prepared as for training.
        stream: stream of the clips.
        flow: settings of the flow; used for the stream `flow` only.
    """

    def __init__(self, frames: Sequence[np.ndarray], stream: Stream, flow: FlowSettings) -> None:
        self._frames, self._stream, self._flow = frames, stream, flow

    def count(self, item_id: str) -> int:
        """Number of frames of the video."""
        return len(self._frames)

    def clip(self, item_id: str, indices: np.ndarray, window: Window, side: int) -> Tensor:
        """Reads a clip, (T,side,side,3) uint8 RGB or (T,side,side,2) uint8 flow codes; see `ClipDataset.clip`."""
        height, width = self._frames[0].shape[:2]
        area = window.area(height, width, side, item_id)
        if self._stream == "rgb":
            frames = np.stack([self._frames[index][area] for index in indices])
            return torch.from_numpy(flip_frames(frames) if window.flip else frames)
        starts = np.minimum(indices, len(self._frames) - 2)
        codes = {int(start): self._codes(int(start))[area] for start in np.unique(starts)}
        stacked = np.stack([codes[int(start)] for start in starts])
        return torch.from_numpy(flip_codes(stacked) if window.flip else stacked)

    def _codes(self, start: int) -> np.ndarray:
        """Flow codes of the pair that starts at a frame; only the pairs that a clip needs are computed."""
        field = flow_of_frames(np.stack(self._frames[start : start + 2]), self._flow)[0]
        return quantise(field, self._flow.bound)[0]


def predict_video(classifier: Classifier, path: Path) -> np.ndarray:
    """Classifies a video file, with the preprocessing of the classifier's training data.

    Args:
        classifier: trained networks.
        path: video file.

    Returns:
        Fused probabilities (C,), divided by the number of networks so that they sum to 1.

    Raises:
        UserError: if the video cannot be read or is too short.
    """
    frames = _decode(path, classifier.members[0].decode)
    total = np.zeros(len(classifier.classes), np.float32)
    for member in classifier.members:
        settings = member.settings
        footage = VideoFile(frames, settings.stream, member.flow)
        clip = evaluation_clip(footage, str(path), settings.test_frames, settings.crop)
        arithmetic = choose_arithmetic(settings.precision)
        arithmetic.prepare(member.model)
        probabilities, _ = score_clips(member.model, [{"clip": clip[None]}], arithmetic, settings.fusion)
        total += probabilities[0]
    return total / len(classifier.members)


def _decode(path: Path, settings: DecodeSettings) -> list[np.ndarray]:
    frames = list(prepare_frames(VideoStream(path), settings))
    if len(frames) < settings.min_frames:
        raise UserError(f"{path}: {len(frames)} frames decode, at least {settings.min_frames} are needed")
    return frames

"""Footage of plain video files: the frames and the flow that a shard of them would hold, to the last bit.

A dataset's frames and flow are read from shards, which hold them as JPEG unless their codec is raw. The networks are
trained on what JPEG leaves, so frames and flow of a plain file go through the same encoder.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from i2vadapt.clips.sampling import uniform_indices
from i2vadapt.clips.window import Window
from i2vadapt.config.base import Stream
from i2vadapt.config.preprocessing import FlowSettings
from i2vadapt.data import flow_codec
from i2vadapt.data.image import flip_frames
from i2vadapt.flow.pairs import is_on_gpu, quantised_pairs
from i2vadapt.flow.tvl1 import to_grey

_gpu = threading.Lock()  # backends on a GPU serve one thread at a time


class PlainVideo:
    """Clips of one stream of a video, or of a part of it; implements `clips.footage.Footage`.

    Args:
        frames: frames (H,W,3) by number, uint8 RGB, as a shard of frames would give them; at least those that the
            clips need, see `needed_frames`.
        first: number of the frame that the clips count from.
        count: number of frames of the video or the part.
        stream: stream of the clips.
        flow: settings of the flow; used for the stream `flow` only.
    """

    def __init__(
        self, frames: Mapping[int, np.ndarray], first: int, count: int, stream: Stream, flow: FlowSettings
    ) -> None:
        self._frames, self._first, self._count = frames, first, count
        self._stream, self._flow = stream, flow

    def count(self, item_id: str) -> int:
        """Number of frames of the video or the part."""
        return self._count

    def clip(self, item_id: str, indices: np.ndarray, window: Window, side: int) -> Tensor:
        """Reads a clip, (T,side,side,3) uint8 RGB or (T,side,side,2) uint8 flow codes; see `ItemDataset.clip`."""
        height, width = self._frames[self._first + int(indices[0])].shape[:2]
        area = window.area(height, width, side, item_id)
        if self._stream == "rgb":
            frames = np.stack([self._frames[self._first + int(index)][area] for index in indices])
            return torch.from_numpy(flip_frames(frames) if window.flip else frames)
        starts, places = np.unique(_first_of_pairs(indices, self._count), return_inverse=True)
        codes = np.stack([self._stored(field)[area] for field in self._codes(starts)])[places]
        return torch.from_numpy(flow_codec.flip_codes(codes) if window.flip else codes)

    def _codes(self, starts: np.ndarray) -> np.ndarray:
        """Flow codes (n,H,W,2) of the pairs that start at some frames."""
        first, second = (
            to_grey(np.stack([self._frames[self._first + int(start) + step] for start in starts])) for step in (0, 1)
        )
        with _device(self._flow):
            return quantised_pairs(first, second, self._flow).codes

    def _stored(self, codes: np.ndarray) -> np.ndarray:
        return flow_codec.as_stored(codes, self._flow.quality, self._flow.codec)


@contextmanager
def _device(settings: FlowSettings) -> Iterator[None]:
    if not is_on_gpu(settings):
        yield
        return
    with _gpu:
        yield


def _first_of_pairs(indices: np.ndarray, count: int) -> np.ndarray:
    """Numbers of the first frames of the pairs whose flow stands for frames; the last frame shares the last pair."""
    return np.minimum(indices, count - 2)


def needed_frames(stream: Stream, count: int, length: int) -> set[int]:
    """Numbers of the frames that an evaluation clip needs.

    Args:
        stream: stream of the clip.
        count: number of frames of the video, at least 2.
        length: number of frames of the clip.
    """
    indices = uniform_indices(count, length)
    if stream == "rgb":
        return set(indices.tolist())
    starts = _first_of_pairs(indices, count)
    return {*starts.tolist(), *(starts + 1).tolist()}

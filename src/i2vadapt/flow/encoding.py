"""Quantised flow with its statistics, and its encoding part by part."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from i2vadapt.config.preprocessing import FlowSettings
from i2vadapt.data.flow_codec import encode_codes, quantise
from i2vadapt.data.shards.stored import FrameWriter, StoredFrames


@dataclass(frozen=True)
class QuantisedFlow:
    """Flow in 8 bits, with the statistics of the flow before it was quantised.

    Attributes:
        codes: (n,H,W,2) uint8; see `data.flow_codec.quantise`.
        speeds: sum of the lengths of all flow vectors, pixels per frame.
        clipped: number of values that were clipped.
    """

    codes: np.ndarray
    speeds: float
    clipped: int


@dataclass(frozen=True)
class EncodedFlow:
    """Encoded fields, with the size and the statistics of the flow; see `QuantisedFlow`."""

    fields: list[bytes]
    height: int
    width: int
    speeds: float
    clipped: int


def quantise_flow(flow: np.ndarray, bound: float) -> QuantisedFlow:
    """Quantises flow (n,H,W,2), pixels.

    Raises:
        UserError: see `data.flow_codec.quantise`.
    """
    codes, clipped = quantise(flow, bound)
    speeds = float(np.linalg.norm(flow, axis=-1).sum(dtype=np.float64))
    return QuantisedFlow(codes, speeds, round(clipped * flow.size))


def encode(flow: QuantisedFlow, settings: FlowSettings) -> EncodedFlow:
    """Encodes each field by itself.

    Raises:
        UserError: see `data.flow_codec.encode_codes`.
    """
    fields = [encode_codes(codes, settings.quality, settings.codec) for codes in flow.codes]
    _, height, width, _ = flow.codes.shape
    return EncodedFlow(fields, height, width, flow.speeds, flow.clipped)


class ClipWriter:
    """Collects the encoded flow of one clip in a file.

    Args:
        folder: folder of the file.

    Raises:
        OSError: if the file can't be written.
    """

    def __init__(self, folder: Path) -> None:
        self._writer = FrameWriter(folder)
        self._height = self._width = self._clipped = 0
        self._speeds = 0.0

    def add(self, part: EncodedFlow) -> None:
        """Appends the fields of a part."""
        for field in part.fields:
            self._writer.add(field)
        self._height, self._width = part.height, part.width
        self._speeds += part.speeds
        self._clipped += part.clipped

    def finish(self) -> tuple[StoredFrames, dict[str, Any]]:
        """Closes the file.

        Returns:
            The encoded flow, and the height and width of the fields, the share of values that were clipped and the mean
            speed, pixels per frame.
        """
        pixels = len(self._writer) * self._height * self._width
        info = {
            "height": self._height,
            "width": self._width,
            "clipped": round(self._clipped / (2 * pixels), 6),
            "mean": round(self._speeds / pixels, 4),
        }
        return self._writer.finish(), info

    def discard(self) -> None:
        """Closes and removes the file."""
        self._writer.discard()

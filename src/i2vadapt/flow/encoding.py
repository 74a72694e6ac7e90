"""Encoding the flow of a clip part by part, with the statistics of the whole clip."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from i2vadapt.config.preprocessing import FlowSettings
from i2vadapt.data.flow_codec import encode_flow, quantise
from i2vadapt.data.shards.stored import FrameWriter, StoredFrames


class ClipEncoder:
    """Collects the encoded flow of one clip in a file.

    Args:
        folder: folder of the file.
        settings: settings of the stage.
        pairs: number of fields of the clip.

    Raises:
        OSError: if the file can't be written.
    """

    def __init__(self, folder: Path, settings: FlowSettings, pairs: int) -> None:
        self._writer, self._settings, self._pairs = FrameWriter(folder), settings, pairs
        self._height = self._width = self._clipped = 0
        self._speeds = 0.0  # their sum

    def encode(self, flow: np.ndarray) -> list[bytes]:
        """Encodes flow (n,H,W,2) float32 and adds it to the statistics.

        Raises:
            UserError: see `encode_flow`.
        """
        settings = self._settings
        encoded = [encode_flow(field, settings.bound, settings.quality, settings.codec) for field in flow]
        self._height, self._width = flow.shape[1:3]
        self._speeds += float(np.linalg.norm(flow, axis=-1).sum(dtype=np.float64))
        self._clipped += round(quantise(flow, settings.bound)[1] * flow.size)
        return encoded

    def write(self, encoded: list[bytes]) -> None:
        """Appends encoded fields to the file."""
        for field in encoded:
            self._writer.add(field)

    def finish(self) -> tuple[StoredFrames, dict[str, Any]]:
        """Closes the file.

        Returns:
            The encoded flow, and the height and width of the fields, the share of values that were clipped and the mean
            speed, pixels per frame.
        """
        pixels = self._pairs * self._height * self._width
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

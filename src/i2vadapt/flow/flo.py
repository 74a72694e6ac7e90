"""The .flo format of the Middlebury benchmark: magic number, width, height, then u and v interleaved, little endian."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from i2vadapt.errors import UserError
from i2vadapt.files.atomic import write_atomically

_MAGIC = np.float32(202021.25).tobytes()
_HEADER = 12
_LARGEST_SIDE = 1_000_000


def read_flo(path: str | Path) -> np.ndarray:
    """Reads a flow field.

    Returns:
        (H,W,2) float32 pixels.

    Raises:
        UserError: if the file can't be read, is not a .flo file, or its length does not match its header.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    if len(data) < _HEADER or data[:4] != _MAGIC:
        raise UserError(f"{path}: not a .flo file (it must begin with the number 202021.25)")
    width, height = (int(side) for side in np.frombuffer(data, "<i4", 2, 4))
    if not (0 < width <= _LARGEST_SIDE and 0 < height <= _LARGEST_SIDE):
        raise UserError(f"{path}: damaged: a field of {width}x{height} pixels according to its header")
    expected = _HEADER + 8 * width * height
    if len(data) != expected:
        raise UserError(f"{path}: damaged: {len(data)} bytes, {width}x{height} pixels need {expected}")
    return np.frombuffer(data, "<f4", offset=_HEADER).reshape(height, width, 2).astype(np.float32)


def write_flo(path: str | Path, flow: np.ndarray) -> None:
    """Writes a flow field atomically.

    Args:
        path: file to write.
        flow: (H,W,2) pixels.

    Raises:
        UserError: if the field has another shape or the file can't be written.
    """
    if flow.ndim != 3 or flow.shape[2] != 2 or 0 in flow.shape:
        raise UserError(f"flow: must have the shape (H, W, 2), not {flow.shape}")
    size = np.array([flow.shape[1], flow.shape[0]], "<i4").tobytes()
    try:
        write_atomically(Path(path), _MAGIC + size + flow.astype("<f4").tobytes())
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from None

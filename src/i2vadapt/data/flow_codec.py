"""Flow quantised to 8 bits and, with the codec "jpeg", stored as one grey JPEG image per field.

Zero motion is exactly 128 before and after JPEG, so a still background gives the networks exactly zero. Codes run from
1 to 255, 127 on each side of zero.
"""

from __future__ import annotations

import cv2
import numpy as np

from i2vadapt.data.image import flip_frames
from i2vadapt.errors import UserError

ZERO = 128
LEVELS = 127
_BLOCK = 8  # side of a JPEG block, pixels


def quantise(flow: np.ndarray, bound: float = 20.0) -> tuple[np.ndarray, float]:
    """Quantises a flow field: round(128 + flow * 127 / bound), after clipping to [-bound, bound].

    Args:
        flow: (...,2) floating point, pixels.
        bound: largest displacement that is kept, pixels.

    Returns:
        uint8 codes of the same shape, with an error of at most bound/254 pixels within the bound, and the share of
        values that were clipped, in [0,1].

    Raises:
        UserError: if the bound is not positive or a value is not finite.
    """
    _check_bound(bound)
    if not np.isfinite(flow).all():
        raise UserError("flow: contains values that are not finite")
    # Rounding the magnitude makes the coding symmetric: the codes of -f mirror those of f, even at halves.
    steps = np.floor(np.abs(flow) * (LEVELS / bound) + 0.5)
    codes = ZERO + np.copysign(np.minimum(steps, LEVELS), flow)
    clipped = float(np.mean(np.abs(flow) > bound)) if flow.size else 0.0
    return codes.astype(np.uint8), clipped


def dequantise(codes: np.ndarray, bound: float = 20.0) -> np.ndarray:
    """Turns codes back into displacements in pixels.

    Args:
        codes: uint8, of any shape.
        bound: the bound given to `quantise`.

    Returns:
        float32 of the same shape, in [-bound, bound].

    Raises:
        UserError: if the bound is not positive.
    """
    _check_bound(bound)
    # JPEG may turn a code of 1 into 0.
    return np.maximum((codes.astype(np.float32) - ZERO) * np.float32(bound / LEVELS), np.float32(-bound))


def encode_flow(flow: np.ndarray, bound: float = 20.0, quality: int = 95, codec: str = "jpeg") -> bytes:
    """Quantises and encodes a field (H,W,2), pixels.

    Raises:
        UserError: see `quantise` and `encode_codes`.
    """
    return encode_codes(quantise(flow, bound)[0], quality, codec)


def encode_codes(codes: np.ndarray, quality: int = 95, codec: str = "jpeg") -> bytes:
    """Encodes a field as one grey JPEG with u above v, or as its plain codes if the codec is "raw".

    Both halves are padded to whole 8x8 blocks by repeating their last row, so that u can't bleed into v. The height is
    not stored.

    Args:
        codes: (H,W,2) uint8.
        quality: JPEG quality, 1 to 100.
        codec: jpeg or raw.

    Raises:
        UserError: if the field has another shape or is too large for JPEG.
    """
    if codes.ndim != 3 or codes.shape[2] != 2 or 0 in codes.shape:
        raise UserError(f"flow: must have the shape (H, W, 2), not {codes.shape}")
    if codec == "raw":
        return codes.tobytes()
    below = ((0, _padded(codes.shape[0]) - codes.shape[0]), (0, 0))
    sheet = np.concatenate([np.pad(codes[..., part], below, mode="edge") for part in (0, 1)])
    if max(sheet.shape) > 65500:
        raise UserError(f"flow: {codes.shape[1]}x{codes.shape[0]} pixels are too large for JPEG")
    _, data = cv2.imencode(".jpg", sheet, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return data.tobytes()


def decode_codes(data: bytes, height: int) -> np.ndarray:
    """Decodes a JPEG written by `encode_codes` to its codes.

    Args:
        data: the JPEG.
        height: height H of the field.

    Returns:
        (H,W,2) uint8 codes.

    Raises:
        ValueError: if the data is not a grey JPEG of that height.
    """
    sheet = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if data else None
    if sheet is None or sheet.ndim != 2 or sheet.shape[0] != 2 * _padded(height):
        found = "no image" if sheet is None else f"an image of shape {sheet.shape}"
        raise ValueError(f"flow data: {found}, expected a grey image of {2 * _padded(height)} rows")
    u, v = sheet.reshape(2, _padded(height), -1)[:, :height]
    return cv2.merge((u, v))  # ten times as fast as a transposition


def as_stored(codes: np.ndarray, quality: int, codec: str) -> np.ndarray:
    """Codes (H,W,2) uint8 as they are read from a shard that was written with the codec.

    Raises:
        UserError: see `encode_codes`.
    """
    return codes if codec == "raw" else decode_codes(encode_codes(codes, quality, codec), codes.shape[0])


def flip_codes(codes: np.ndarray) -> np.ndarray:
    """Mirrors the codes left to right and negates u, as for a mirrored video; works in place and returns the codes.

    Args:
        codes: (N,H,W,2) uint8.
    """
    mirrored = flip_frames(codes)
    # In uint8 the negative of a code is 256 minus the code: the same distance from 128 on the other side.
    mirrored[..., 0] = np.negative(np.maximum(mirrored[..., 0], ZERO - LEVELS))
    return mirrored


def _check_bound(bound: float) -> None:
    if not 0 < bound < np.inf:
        raise UserError(f"flow: bound: must be a number of pixels greater than 0, not {bound}")


def _padded(height: int) -> int:
    return -(-height // _BLOCK) * _BLOCK

"""Encoding of single frames and depth maps in a shard; for flow see `data/flow_codec.py`."""

from __future__ import annotations

import cv2
import numpy as np

LONGEST_SIDE = 65500
"""Longest side of a frame, pixels: the limit of JPEG, and a bound for what a damaged header can ask for."""


def encode_jpeg(image: np.ndarray, quality: int) -> bytes:
    """Encodes an (H,W,3) uint8 RGB image as JPEG."""
    done, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"an image of shape {image.shape} can't be encoded as JPEG")
    return bytes(data)


def encode_frame(image: np.ndarray, codec: str, quality: int) -> bytes:
    """Encodes an (H,W,3) uint8 RGB image with the codec jpeg, or raw, which is larger but needs no decoding."""
    return image.tobytes() if codec == "raw" else encode_jpeg(image, quality)


def decode_jpeg(data: bytes) -> np.ndarray | None:
    """Decodes a JPEG to an (H,W,3) uint8 RGB image; None if it is damaged."""
    image: np.ndarray | None = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    return image


def as_stored(image: np.ndarray, codec: str, quality: int) -> np.ndarray:
    """An (H,W,3) uint8 RGB image as it is read from a shard that was written with the codec."""
    if codec == "raw":
        return image
    decoded = decode_jpeg(encode_jpeg(image, quality))
    if decoded is None:
        raise ValueError("a JPEG that was just encoded does not decode")
    return decoded


DEPTH_LEVELS = 65535
"""Stored value of the nearest point of a depth map."""


def unit_range(stored: np.ndarray) -> np.ndarray:
    """Stored inverse depth (uint16) as float32 in [0,1]."""
    inverse = stored.astype(np.float32)
    inverse /= DEPTH_LEVELS  # in place: a map of a large photograph takes hundreds of megabytes
    return inverse


def encode_depth(depth: np.ndarray) -> bytes:
    """Encodes an (H,W) uint16 map as a lossless PNG."""
    # The low bits never repeat: searching for repetitions takes three times as long and saves not one byte.
    strategy = (cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_HUFFMAN_ONLY)
    done, data = cv2.imencode(".png", depth, [cv2.IMWRITE_PNG_COMPRESSION, 4, *strategy])
    if not done:
        raise ValueError(f"a map of shape {depth.shape} can't be encoded as PNG")
    return bytes(data)

"""Preparing photographs as network input and predictions for storage, by the rules of the releases."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from i2vadapt.depth.spec import DepthModelSpec, ResizeMethod
from i2vadapt.errors import UserError

Image = NDArray[np.uint8]
DepthMap = NDArray[np.float32]

_ROWS = 256  # rows of a map that are stretched at a time
_MOST_SQUARES = 8  # largest area of an input, in squares of the network's input size


def network_size(
    height: int, width: int, net_size: int, multiple: int, keep_aspect: bool, method: ResizeMethod
) -> tuple[int, int]:
    """Size to which an image is resized (MiDaS `Resize.get_size`).

    Args:
        height: height of the image, pixels.
        width: width of the image, pixels.
        net_size: side of the square to fit, pixels.
        multiple: both sides of the result are multiples of this.
        keep_aspect: use one scale for both sides (except for the rounding to the multiple).
        method: with `keep_aspect`, which side fits the square: the one that needs less scaling, up or down (minimal),
            the longer one (upper_bound) or the shorter one (lower_bound). In any case, no side of the result exceeds
            `net_size` with upper_bound or falls below it with lower_bound.

    Returns:
        Height and width. Each is at least one multiple, where MiDaS would fail with an empty image.
    """
    scale_h, scale_w = net_size / height, net_size / width
    if keep_aspect:
        if method == "minimal":
            scale = scale_w if abs(1 - scale_w) < abs(1 - scale_h) else scale_h
        else:
            scale = max(scale_h, scale_w) if method == "lower_bound" else min(scale_h, scale_w)
        scale_h = scale_w = scale
    return (
        _to_multiple(scale_h * height, net_size, multiple, method),
        _to_multiple(scale_w * width, net_size, multiple, method),
    )


def _to_multiple(side: float, net_size: int, multiple: int, method: ResizeMethod) -> int:
    rounded = int(np.round(side / multiple) * multiple)  # rounds halves to even
    if method == "upper_bound" and rounded > net_size:
        rounded = int(np.floor(side / multiple) * multiple)
    if method == "lower_bound" and rounded < net_size:
        rounded = int(np.ceil(side / multiple) * multiple)
    return max(rounded, multiple)


def spec_network_size(spec: DepthModelSpec, height: int, width: int) -> tuple[int, int]:
    """`network_size` by the rules of one network."""
    return network_size(height, width, spec.net_size, spec.multiple, spec.keep_aspect, spec.method)


def network_input(spec: DepthModelSpec, image: Image) -> NDArray[np.float32]:
    """Resizes and normalises one image.

    Args:
        spec: the network.
        image: (H, W, 3) RGB.

    Returns:
        (3, H', W'), the input of the network.

    Raises:
        UserError: if it is not an RGB image of 8 bits, or so long and narrow that the network would need far more
            memory than for other images.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise UserError(f"depth: image of shape {image.shape} and type {image.dtype}; allowed: (H, W, 3) uint8")
    height, width = spec_network_size(spec, *image.shape[:2])
    if height * width > _MOST_SQUARES * spec.net_size**2:
        raise UserError(
            f"depth: {image.shape[1]}x{image.shape[0]} pixels are too long and narrow:"
            f" the input of {spec.name} would have {width}x{height}"
        )
    # Like the releases, resize before normalising, and do not clip although cubic weights overshoot.
    scaled = image.astype(np.float32)
    scaled /= 255  # in place: of a photograph of 100 megapixels, each copy takes 1.2 GB
    scaled = cv2.resize(scaled, (width, height), interpolation=cv2.INTER_CUBIC)
    normalised = (scaled - np.array(spec.mean, np.float32)) / np.array(spec.std, np.float32)
    return np.ascontiguousarray(normalised.transpose(2, 0, 1), dtype=np.float32)


def to_uint16(depth: DepthMap) -> NDArray[np.uint16]:
    """Stretches a map (H, W) to 0..65535 by its own minimum and maximum; a constant map becomes zeros.

    Raises:
        UserError: if it contains values that are not finite.
    """
    low, high = float(depth.min()), float(depth.max())
    if not np.isfinite(low) or not np.isfinite(high):
        raise UserError("depth: the predicted map contains values that are not finite")
    if high <= low:
        return np.zeros(depth.shape, dtype=np.uint16)
    stretched = np.empty(depth.shape, dtype=np.uint16)
    for top in range(0, len(depth), _ROWS):
        rows = depth[top : top + _ROWS]
        # In float64, because float32 has too few digits for a range far from zero.
        stretched[top : top + _ROWS] = np.round((rows.astype(np.float64) - low) / (high - low) * 65535)
    return stretched

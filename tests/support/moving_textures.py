"""Pairs of images of textures that turn, grow and shift; the flow between them is known exactly."""

from __future__ import annotations

import cv2
import numpy as np

SIZES = ((48, 64), (33, 31), (256, 340))
"""Heights and widths: small, odd, and that of the flow stage."""


def texture(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A grey image (height,width) uint8 with details of several sizes."""
    layers = np.zeros((height, width), np.float32)
    for sigma in (1.5, 4.0, 10.0):
        noise = cv2.GaussianBlur(rng.normal(size=(height, width)).astype(np.float32), (0, 0), sigma)
        layers += noise / noise.std()
    return np.clip(128 + 35 * layers, 0, 255).astype(np.uint8)


def motion(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A similarity (2,3) that moves the image's content by up to some 3 pixels."""
    angle, scale = rng.uniform(-4, 4) * 32 / max(height, width), 1 + rng.uniform(-1, 1) / max(height, width)
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, scale)
    matrix[:, 2] += rng.uniform(-1.5, 1.5, 2)
    return matrix


def moving_textures(count: int, height: int, width: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of images with sensor noise of two grey levels.

    The last pair, if there are several, stands still, so that it converges at once.

    Returns:
        First and second images (count,height,width) uint8, and the flow between them (count,height,width,2) float32.
    """
    rng = np.random.default_rng(seed)
    first, second, flows = [], [], []
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    for number in range(count):
        image, matrix = texture(rng, height, width), motion(rng, height, width)
        if number and number == count - 1:
            matrix = np.eye(2, 3)
        moved = cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        noise = rng.normal(0, 2, (2, height, width)) * (number == 0 or number < count - 1)
        pair = np.clip(np.stack([image, moved]) + noise, 0, 255).astype(np.uint8)
        there = np.stack([columns, rows, np.ones_like(rows)], axis=-1) @ matrix.T.astype(np.float32)
        first.append(pair[0])
        second.append(pair[1])
        flows.append(there - np.stack([columns, rows], axis=-1))
    return np.stack(first), np.stack(second), np.stack(flows).astype(np.float32)

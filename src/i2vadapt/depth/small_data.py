"""Rendered scenes to train `dpt_small` on: drawn once, in another thread; cropped and augmented again at each use."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
DrawPair = Callable[[np.random.Generator, tuple[int, int]], tuple[Image, NDArray[np.float32]]]
"""Draws a random scene of a size (height, width): RGB (H, W, 3) and depth (H, W) in metres, 0 where nothing is hit."""

_SHAPES = ((192, 256), (256, 192), (192, 192))
_CHUNK = 16  # scenes per task of the other thread


Scene = tuple[Image, NDArray[np.float16]]
"""RGB (H, W, 3) and inverse depth (H, W) in 1/metres, in half precision because thousands are kept."""


def draw_chunk(draw: DrawPair, seed: int, first: int) -> list[Scene]:
    """Draws a chunk of scenes from number `first` on, with their inverse depth, each from its own seed."""
    pairs = []
    for number in range(first, first + _CHUNK):
        rng = np.random.default_rng([seed, number])
        image, depth = draw(rng, _SHAPES[rng.integers(len(_SHAPES))])
        inverse = np.divide(1, depth, out=np.zeros_like(depth), where=depth > 0)  # where nothing is hit: infinity
        pairs.append((image, inverse.astype(np.float16)))
    return pairs


class ScenePool:
    """A growing collection of scenes; a context manager, which ends the drawing thread on exit.

    A thread suffices to draw scenes during training, because neither holds Python's lock for long.

    Args:
        draw: draws one scene; called in that thread.
        seed: random seed of all scenes.
        total: number of scenes to draw.
    """

    def __init__(self, draw: DrawPair, seed: int, total: int) -> None:
        self._executor = ThreadPoolExecutor(1)
        self._waiting: list[Future[list[Scene]]] = [
            self._executor.submit(draw_chunk, draw, seed, first) for first in range(0, total, _CHUNK)
        ]
        self._scenes: list[Scene] = []
        self._total = total

    def at_least(self, count: int) -> list[Scene]:
        """Returns the first `count` scenes (at most all of them), after waiting until they are drawn."""
        count = min(count, self._total)
        while len(self._scenes) < count:
            self._scenes += self._waiting.pop(0).result()
        return self._scenes[:count]

    def __enter__(self) -> ScenePool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._executor.shutdown(cancel_futures=True)


def random_crop(rng: np.random.Generator, scene: Scene, size: tuple[int, int]) -> tuple[Image, NDArray[np.float32]]:
    """Crops a random window of the aspect ratio of `size`, resizes it to that size, and mirrors it half of the time.

    Args:
        rng: random generator.
        scene: a scene of the pool.
        size: height and width of the result.
    """
    image, inverse_depth = scene
    height, width = inverse_depth.shape
    fit = min(height / size[0], width / size[1]) * rng.uniform(0.6, 1.0)
    rows, columns = round(size[0] * fit), round(size[1] * fit)
    top, left = rng.integers(height - rows + 1), rng.integers(width - columns + 1)
    window = (slice(top, top + rows), slice(left, left + columns))
    shape = (size[1], size[0])
    colour = cv2.resize(image[window], shape, interpolation=cv2.INTER_LINEAR)
    # Nearest neighbour: values between those of a person and of the wall behind belong to nothing in the scene.
    inverse = cv2.resize(inverse_depth[window].astype(np.float32), shape, interpolation=cv2.INTER_NEAREST)
    if rng.random() < 0.5:
        colour, inverse = colour[:, ::-1], inverse[:, ::-1]
    return np.ascontiguousarray(colour), np.ascontiguousarray(inverse)


def augment(rng: np.random.Generator, image: Image) -> NDArray[np.float32]:
    """Augments an image without changing its depth: colours, sharpness, noise, JPEG artefacts.

    Args:
        rng: random generator.
        image: RGB (H, W, 3).

    Returns:
        (H, W, 3) in [0, 1].
    """
    if rng.random() < 0.2:
        quality = int(rng.integers(30, 95))
        encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        image = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)
    colour: NDArray[np.float32] = image.astype(np.float32) / np.float32(255)
    if rng.random() < 0.2:
        colour = np.asarray(cv2.GaussianBlur(colour, (0, 0), rng.uniform(0.4, 1.2)), np.float32)
    if rng.random() < 0.6:
        colour = _recolour(rng, colour)
    if rng.random() < 0.4:
        colour = colour + rng.standard_normal(colour.shape, dtype=np.float32) * np.float32(rng.uniform(0, 0.05))
    return np.clip(colour, 0, 1)


def _recolour(rng: np.random.Generator, colour: NDArray[np.float32]) -> NDArray[np.float32]:
    """Changes saturation, white balance, contrast and brightness mildly, as the scenes vary in colour already."""
    grey = colour.mean(axis=2, keepdims=True)
    saturation = 0.0 if rng.random() < 0.1 else rng.uniform(0.6, 1.3)
    balanced = (grey + np.float32(saturation) * (colour - grey)) * rng.uniform(0.85, 1.15, 3).astype(np.float32)
    contrast, brightness = np.float32(rng.uniform(0.7, 1.3)), np.float32(rng.uniform(-0.1, 0.1))
    recoloured: NDArray[np.float32] = (balanced - np.float32(0.5)) * contrast + np.float32(0.5) + brightness
    return recoloured

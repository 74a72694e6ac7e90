"""TV-L1 on NVIDIA GPUs by fused kernels: the algorithm of the backend `numba`, with the same decisions.

The host enqueues every launch that the settings allow and never waits for the device: each launch looks at the device
itself whether a pair has converged, and does nothing for it then. What a batch of one size enqueues is recorded once,
as a CUDA graph, since thousands of launches take Python longer than the GPU.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from numba import config, cuda

from i2vadapt.config.preprocessing import Tvl1Settings
from i2vadapt.flow.gpu import median, resampling
from i2vadapt.flow.gpu.iterations import ACROSS, DOWN, iteration_kernel
from i2vadapt.flow.gpu.median import median_kernel
from i2vadapt.flow.pyramid import SWEEP, level_sizes

_PIXELS = 1 << 22  # pixels of a batch: 48 pairs of 340x256, which is 12 tiles for each multiprocessor of an H100
DUAL_DTYPE = np.float32
_LINE = 128  # threads of the kernels that work pixel by pixel
config.CUDA_LOW_OCCUPANCY_WARNINGS = False  # coarse levels of few pairs are small, and nothing can be done about it

Launch = tuple[Any, tuple[int, ...], Any, tuple[Any, ...]]  # a kernel, its grid, block and arguments


def tvl1_pairs(first: np.ndarray, second: np.ndarray, settings: Tvl1Settings) -> np.ndarray:
    """Flow of pairs of images, in batches.

    Args:
        first: (N,H,W) uint8.
        second: (N,H,W) uint8.
        settings: parameters of the algorithm.

    Returns:
        (N,H,W,2) float32 pixels.
    """
    number, height, width = first.shape
    flow = np.empty((number, height, width, 2), np.float32)
    batch = max(min(_PIXELS // (height * width), 1 << (number - 1).bit_length()), 1)
    solver = _solver(batch, height, width, settings)
    for start in range(0, number, batch):
        part = slice(start, min(start + batch, number))
        flow[part] = solver.solve(first[part], second[part])
    return flow


@lru_cache(maxsize=4)
def _solver(batch: int, height: int, width: int, settings: Tvl1Settings) -> Solver:
    return Solver(batch, height, width, settings)


class Level(NamedTuple):
    """Fields of one level of the pyramid on the device; see `resampling` and `iterations` for their shapes."""

    images: Any
    derivatives: Any
    data: Any
    flow: Any
    dual: Any

    @classmethod
    def create(cls, batch: int, height: int, width: int) -> Level:
        """Reserves the memory of a level, 88 bytes a pixel."""

        def field(*leading: int, dtype: Any = np.float32) -> Any:
            return cuda.device_array((*leading, batch, height, width), dtype)

        return cls(field(2), field(2), field(4), field(2, 2), field(2, 4, dtype=DUAL_DTYPE))


class Solver:
    """The device's memory for batches of one size, and all launches that solve one.

    Args:
        batch: number of pairs N.
        height: height of the images.
        width: width of the images.
        settings: parameters of the algorithm.
    """

    def __init__(self, batch: int, height: int, width: int, settings: Tvl1Settings) -> None:
        self._settings = settings
        sizes = level_sizes(height, width, settings.n_scales, settings.scale_step)
        levels = [Level.create(batch, *size) for size in sizes]
        slots = 1 + len(sizes) * (1 + settings.n_warps * len(self._rounds()))
        self._changes = cuda.device_array((slots, batch), np.uint64)
        self._places = cuda.device_array((slots, batch), np.uint8)
        self._images = cuda.device_array((2, batch, height, width), np.uint8)
        self._flow = cuda.device_array((batch, height, width, 2), np.float32)
        self._sent = cuda.pinned_array((2, batch, height, width), np.uint8)
        self._received = cuda.pinned_array((batch, height, width, 2), np.float32)
        self._stream, self._torch_stream = _streams()
        self._launches = list(self._plan(levels))
        self._graph: Any = None

    def solve(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Flow (n,H,W,2) of up to N pairs of images (n,H,W); valid until the next call."""
        count = len(first)
        self._sent[0, :count], self._sent[1, :count] = first, second
        self._sent[:, count:] = 0  # equal images, which converge at once
        self._images.copy_to_device(self._sent, stream=self._stream)
        if self._graph is not None:
            with torch.cuda.stream(self._torch_stream):
                self._graph.replay()
        else:
            self._launch()  # compiles the kernels, which can't be done while a graph is recorded
            if self._torch_stream is not None:
                self._graph = torch.cuda.CUDAGraph()
                with torch.cuda.graph(self._graph, stream=self._torch_stream, capture_error_mode="thread_local"):
                    self._launch()
        self._flow.copy_to_host(self._received, stream=self._stream)
        self._stream.synchronize()
        return self._received[:count]

    def _launch(self) -> None:
        for kernel, grid, block, arguments in self._launches:
            kernel[grid, block, self._stream](*arguments)

    def _plan(self, levels: list[Level]) -> Iterator[Launch]:
        """All launches in order, with their arguments."""
        finest, step = levels[0], self._settings.scale_step
        yield _each(resampling.clear, (1, self._changes.size), self._changes)
        yield _each(resampling.to_float, finest.images.shape[1:], self._images, finest.images)
        for fine, coarse in pairwise(levels):
            yield _each(resampling.shrink, coarse.images.shape[1:], fine.images, coarse.images, step)
        slot, coarser = 0, levels[-1]
        factor = np.float32(1 / step)
        for level in reversed(levels):
            shape = level.images.shape[1:]
            yield _each(resampling.differentiate, shape, level.images, level.derivatives)
            start = (coarser.flow, self._places[slot], level.flow, level.dual, self._places[slot + 1])
            yield _each(resampling.start_level, shape, *start, factor, level is coarser)
            slot, coarser = slot + 1, level
            for _ in range(self._settings.n_warps):
                yield from self._plan_warp(level, slot)
                slot += len(self._rounds())
        yield _each(resampling.gather, finest.images.shape[1:], finest.flow, self._places[slot], self._flow)

    def _plan_warp(self, level: Level, slot: int) -> Iterator[Launch]:
        settings = self._settings
        images, shape = level.images, level.images.shape[1:]
        strength = np.float32(settings.lambda_ * settings.theta)
        flow = (level.flow, self._places[slot])
        yield _each(resampling.linearise, shape, images, level.derivatives, *flow, strength, level.data)
        theta, rate = np.float32(settings.theta), np.float32(settings.tau / settings.theta)
        enough = np.float32(settings.epsilon**2 * shape[1] * shape[2])
        is_first = True
        for count in self._rounds():
            slot += 1
            state = (self._changes, self._places, slot, is_first, enough)
            if count == 0:
                yield _smooth(settings.median_filter, level.flow, *state)
            else:
                fields = (field.reshape(-1) for field in (level.data, level.flow, level.dual))
                yield _iterate(*fields, *state, *shape[1:], theta, rate, count)
                is_first = False

    def _rounds(self) -> list[int]:
        """What follows a warp: numbers of iterations, and 0 for a pass of the median filter."""
        settings = self._settings
        whole, rest = divmod(settings.inner_iterations, SWEEP)
        one = [0] * (settings.median_filter > 1) + [SWEEP] * whole + [rest] * (rest > 0)
        return one * settings.outer_iterations


def _each(kernel: Any, shape: tuple[int, ...], *arguments: Any) -> Launch:
    """A kernel with one thread for each element of (H,W) or (N,H,W)."""
    *leading, height, width = shape
    return kernel, (-(-width // _LINE), height, *leading), _LINE, arguments


def _smooth(size: int, *arguments: Any) -> Launch:
    return median_kernel(size), (4 * _multiprocessors(),), (median.ACROSS, median.DOWN), arguments


def _iterate(*arguments: Any) -> Launch:
    return iteration_kernel(DOWN), (16 // DOWN * _multiprocessors(),), (ACROSS, DOWN), arguments


def _multiprocessors() -> int:
    return 2 if config.ENABLE_CUDASIM else int(cuda.get_current_device().MULTIPROCESSOR_COUNT)


def _streams() -> tuple[Any, torch.cuda.Stream | None]:
    """A stream for Numba, and the same one for PyTorch, which records graphs; the simulator has none."""
    if config.ENABLE_CUDASIM:
        return cuda.stream(), None
    stream = torch.cuda.Stream()
    return cuda.external_stream(stream.cuda_stream), stream

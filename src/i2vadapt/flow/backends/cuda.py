"""TV-L1 on NVIDIA GPUs by fused kernels: the algorithm of the backend `numba`, with the same decisions.

The host enqueues every launch that the settings allow and never waits for the device: each launch looks at the device
itself whether a pair has converged, and does nothing for it then. The launches for batches of one size are recorded
once as a CUDA graph, since starting thousands of them takes Python longer than they take the GPU.
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
from i2vadapt.flow.encoding import QuantisedFlow
from i2vadapt.flow.gpu import iterations, median, output, resampling
from i2vadapt.flow.gpu.fields import UNIT
from i2vadapt.flow.pyramid import SWEEP, level_sizes

config.CUDA_LOW_OCCUPANCY_WARNINGS = False  # coarse levels of few pairs are small, and nothing can be done about it

Launch = tuple[Any, tuple[int, ...], Any, tuple[Any, ...]]  # a kernel, its grid, block and arguments

_PIXELS = 1 << 22  # pixels of a batch: 48 pairs of 340x256, and 0.9 GB of the device's memory


def tvl1_pairs(first: np.ndarray, second: np.ndarray, settings: Tvl1Settings) -> np.ndarray:
    """Flow of pairs of images, in batches.

    Args:
        first: (N,H,W) uint8.
        second: (N,H,W) uint8.
        settings: parameters of the algorithm.

    Returns:
        (N,H,W,2) float32 pixels.
    """
    flow = np.empty((*first.shape, 2), np.float32)
    for part in _batches(first.shape):
        solver = _solver(_batch_size(first.shape), *first.shape[1:], settings, None)
        flow[part] = solver.solve(first[part], second[part])[0]
    return flow


def quantised_pairs(first: np.ndarray, second: np.ndarray, settings: Tvl1Settings, bound: float) -> QuantisedFlow:
    """Flow of pairs of images, quantised before it leaves the device: a quarter of the data.

    Args:
        first: (N,H,W) uint8.
        second: (N,H,W) uint8.
        settings: parameters of the algorithm.
        bound: largest displacement that is kept, pixels.
    """
    codes, sums = np.empty((*first.shape, 2), np.uint8), np.zeros(2)
    for part in _batches(first.shape):
        solver = _solver(_batch_size(first.shape), *first.shape[1:], settings, bound)
        codes[part], more = solver.solve(first[part], second[part])
        sums += more.sum(axis=1, dtype=np.float64)
    return QuantisedFlow(codes, float(sums[0] * UNIT), int(sums[1]))


def _batch_size(shape: tuple[int, ...]) -> int:
    """Pairs of a batch; powers of two where there are few, since each size has its own memory and graph."""
    return max(min(_PIXELS // (shape[1] * shape[2]), 1 << (shape[0] - 1).bit_length()), 1)


def _batches(shape: tuple[int, ...]) -> Iterator[slice]:
    step = _batch_size(shape)
    return (slice(start, min(start + step, shape[0])) for start in range(0, shape[0], step))


@lru_cache(maxsize=4)
def _solver(batch: int, height: int, width: int, settings: Tvl1Settings, bound: float | None) -> Solver:
    return Solver(batch, height, width, settings, bound)


class Level(NamedTuple):
    """Fields of one level of the pyramid on the device; see `resampling` and `iterations` for their shapes."""

    images: Any
    derivatives: Any
    data: Any
    flow: Any
    dual: Any

    @classmethod
    def create(cls, batch: int, height: int, width: int) -> Level:
        """Reserves the memory of a level, 80 bytes a pixel."""

        def field(*leading: int) -> Any:
            return cuda.device_array((*leading, batch, height, width), np.float32)

        return cls(field(2), field(2), field(4), field(2, 2), field(2, 4))

    @property
    def shape(self) -> tuple[int, ...]:
        """(N,H,W)."""
        return tuple(self.images.shape[1:])


class Solver:
    """The device's memory for batches of one size, and all launches that solve one.

    Args:
        batch: number of pairs N.
        height: height of the images.
        width: width of the images.
        settings: parameters of the algorithm.
        bound: largest displacement of quantised flow, pixels; None for flow that is not quantised.
    """

    def __init__(self, batch: int, height: int, width: int, settings: Tvl1Settings, bound: float | None) -> None:
        self._settings, self._bound = settings, bound
        sizes = level_sizes(height, width, settings.n_scales, settings.scale_step)
        slots = 1 + len(sizes) * (1 + settings.n_warps * len(self._rounds()))
        self._changes = cuda.device_array((slots, batch), np.uint64)
        self._places = cuda.device_array((slots, batch), np.uint8)
        self._images = cuda.device_array((2, batch, height, width), np.uint8)
        self._sums = cuda.device_array((2, batch), np.uint64)
        shape, dtype = (batch, height, width, 2), np.float32 if bound is None else np.uint8
        self._flow = cuda.device_array(shape, dtype)
        self._sent = cuda.pinned_array((2, batch, height, width), np.uint8)
        self._received = cuda.pinned_array(shape, dtype)
        self._stream, self._torch_stream = _streams()
        self._launches = list(self._plan([Level.create(batch, *size) for size in sizes]))
        self._graph: torch.cuda.CUDAGraph | None = None

    def solve(self, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Solves up to N pairs of images (n,H,W).

        Returns:
            Flow (n,H,W,2), pixels or codes, valid until the next call; and, if it is quantised, the sums of
            `output.quantise`.
        """
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
        sums = self._sums.copy_to_host(stream=self._stream)
        self._stream.synchronize()
        return self._received[:count], sums[:, :count]

    def _launch(self) -> None:
        for kernel, grid, block, arguments in self._launches:
            kernel[grid, block, self._stream](*arguments)

    def _plan(self, levels: list[Level]) -> Iterator[Launch]:
        """All launches in order, with their arguments."""
        finest, step = levels[0], self._settings.scale_step
        yield _each(resampling.clear, (1, self._changes.size), self._changes)
        yield _each(resampling.clear, (1, self._sums.size), self._sums)
        yield _each(resampling.to_float, finest.shape, self._images, finest.images)
        for fine, coarse in pairwise(levels):
            yield _each(resampling.shrink, coarse.shape, fine.images, coarse.images, step)
        slot, coarser = 0, levels[-1]
        for level in reversed(levels):
            yield _each(resampling.differentiate, level.shape, level.images, level.derivatives)
            start = (coarser.flow, self._places[slot], level.flow, level.dual, self._places[slot + 1])
            yield _each(resampling.start_level, level.shape, *start, np.float32(1 / step), level is coarser)
            slot, coarser = slot + 1, level
            for _ in range(self._settings.n_warps):
                yield from self._plan_warp(level, slot)
                slot += len(self._rounds())
        result = (finest.flow, self._places[slot])
        if self._bound is None:
            yield _each(output.gather, finest.shape, *result, self._flow)
        else:
            yield _each(output.quantise, finest.shape, *result, np.float32(self._bound), self._flow, self._sums)

    def _plan_warp(self, level: Level, slot: int) -> Iterator[Launch]:
        """A warp and all that may follow it; `slot` is that of the launch before."""
        settings, (batch, height, width) = self._settings, level.shape
        strength = np.float32(settings.lambda_ * settings.theta)
        flow = (level.flow, self._places[slot])
        yield _each(resampling.linearise, level.shape, level.images, level.derivatives, *flow, strength, level.data)
        fields = [field.reshape(-1) for field in (level.flow, level.dual, level.data)]
        theta, rate = np.float32(settings.theta), np.float32(settings.tau / settings.theta)
        enough = np.float32(settings.epsilon**2 * height * width)
        is_first = True
        for count in self._rounds():
            slot += 1
            state = (self._changes, self._places, slot, is_first, enough)
            if count == 0:
                grid = (-(-width // median.ACROSS), -(-height // median.DOWN), 2 * batch)
                kernel = median.median_kernel(settings.median_filter)
                yield kernel, grid, (median.ACROSS, median.DOWN), (level.flow, *state)
            else:
                block = (iterations.ACROSS, iterations.DOWN)
                arguments = (*fields, *state, height, width, theta, rate, count)
                yield iterations.iterate, (_resident_blocks(),), block, arguments
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
    return kernel, (-(-width // output.LINE), height, *leading), output.LINE, arguments


def _resident_blocks() -> int:
    """Blocks of `iterations.iterate` that the device runs at once; the simulator runs one after another."""
    device = 1 if config.ENABLE_CUDASIM else int(cuda.get_current_device().MULTIPROCESSOR_COUNT)
    return iterations.BLOCKS * device


def _streams() -> tuple[Any, torch.cuda.Stream | None]:
    """A stream for Numba, and the same one for PyTorch, which records graphs; the simulator has none."""
    if config.ENABLE_CUDASIM:
        return cuda.stream(), None
    stream = torch.cuda.Stream()
    return cuda.external_stream(stream.cuda_stream), stream

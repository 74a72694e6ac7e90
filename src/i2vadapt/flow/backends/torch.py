"""TV-L1 on batches of pairs, on any PyTorch device: the algorithm of the backend `numba`, with the same decisions.

Each pair stops where it would stop alone: the state of a pair that has converged is no longer updated. The host waits
for the device once every `SWEEP` iterations, to check whether any pair is left.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from i2vadapt.config.preprocessing import Tvl1Settings
from i2vadapt.flow.median import median_filter
from i2vadapt.flow.pyramid import SWEEP, level_sizes
from i2vadapt.runtime.devices import best_device

# Pixels per batch. A GPU needs many to be busy, and about 100 bytes of memory for each; the CPU's caches hold few.
_PIXELS = {"cpu": 2**16, "cuda": 2**23}
_FLAT = 1.2e-7  # squared gradients up to this are too small to divide by, as in OpenCV


class DataTerm(NamedTuple):
    """See `fields.DataTerm`: normal (N,2,H,W), offset (N,1,H,W), limit (N,1,H,W)."""

    normal: Tensor
    offset: Tensor
    limit: Tensor


class State(NamedTuple):
    """Flow, and the x and y components of the dual variables of u and v, (N,2,H,W) each."""

    flow: Tensor
    dual_x: Tensor
    dual_y: Tensor


Iterate = Callable[[DataTerm, State, float, float, int], tuple[State, Tensor]]
Median = Callable[[Tensor, int], Tensor]


def tvl1_pairs(
    first: np.ndarray,
    second: np.ndarray,
    settings: Tvl1Settings,
    device: str | None = None,
    compiled: bool | None = None,
) -> np.ndarray:
    """Flow of pairs of images, in batches.

    Args:
        first: (N,H,W) uint8.
        second: (N,H,W) uint8.
        settings: parameters of the algorithm.
        device: device to compute on; by default the GPU if there is one.
        compiled: whether to use `torch.compile`; by default on a GPU, if Triton is installed.

    Returns:
        (N,H,W,2) float32 pixels.
    """
    place = torch.device(device or best_device())
    if compiled is None:
        compiled = place.type == "cuda" and importlib.util.find_spec("triton") is not None
    flow = np.empty((*first.shape, 2), np.float32)
    count = max(_PIXELS.get(place.type, _PIXELS["cuda"]) // max(first[:1].size, 1), 1)
    with torch.inference_mode():
        for start in range(0, len(first), count):
            batch = slice(start, start + count)
            one, two = (torch.from_numpy(images[batch].astype(np.float32)).to(place) for images in (first, second))
            flow[batch] = _solve(one, two, settings, *_steps(compiled)).permute(0, 2, 3, 1).cpu().numpy()
    return flow


@cache
def _steps(compiled: bool) -> tuple[Iterate, Median]:
    if not compiled:
        return _iterate, median_filter
    # One kernel for all levels instead of one per image size.
    return torch.compile(_iterate, dynamic=True), torch.compile(median_filter, dynamic=True)


def _solve(first: Tensor, second: Tensor, settings: Tvl1Settings, iterate: Iterate, median: Median) -> Tensor:
    """Flow (N,2,H,W) of images (N,H,W) in grey levels."""
    levels = [torch.stack([first, second], 1)]
    for size in level_sizes(first.shape[1], first.shape[2], settings.n_scales, settings.scale_step)[1:]:
        levels.append(_shrink(levels[-1], size, settings.scale_step))
    flow = torch.zeros_like(levels[-1])
    for images in reversed(levels):
        if flow.shape != images.shape:
            flow = functional.interpolate(flow, images.shape[-2:], mode="bilinear") / settings.scale_step
        flow = _solve_level(images, flow, settings, iterate, median)
    return flow


def _shrink(images: Tensor, size: tuple[int, int], scale: float) -> Tensor:
    """Linear interpolation like OpenCV's; `interpolate` would round the size down instead of to the nearest."""
    for axis, length in zip((-2, -1), size, strict=True):
        end = images.shape[axis] - 1
        place = ((torch.arange(length, dtype=torch.float64) + 0.5) / scale - 0.5).clamp(0, end)
        low = place.floor().long()
        weight = (place - low).to(images).unsqueeze(-1) if axis == -2 else (place - low).to(images)
        low = low.to(images.device)
        before, after = images.index_select(axis, low), images.index_select(axis, (low + 1).clamp(max=end))
        images = before + weight * (after - before)
    return images


def _solve_level(images: Tensor, flow: Tensor, settings: Tvl1Settings, iterate: Iterate, median: Median) -> Tensor:
    first, second = images[:, :1], _with_derivatives(images[:, 1:]).double()
    state = State(flow, torch.zeros_like(flow), torch.zeros_like(flow))
    enough = settings.epsilon**2 * first[0].numel()
    for _ in range(settings.n_warps):
        data = _linearise(first, second, state.flow, settings.lambda_ * settings.theta)
        active = torch.ones(len(first), dtype=torch.bool, device=first.device)
        for _ in range(settings.outer_iterations):
            if settings.median_filter > 1:
                smooth = median(state.flow, settings.median_filter)
                state = state._replace(flow=_choose(active, smooth, state.flow))
            for done in range(0, settings.inner_iterations, SWEEP):
                count = min(SWEEP, settings.inner_iterations - done)
                new, change = iterate(data, state, settings.theta, settings.tau / settings.theta, count)
                state = State(*(_choose(active, *pair) for pair in zip(new, state, strict=True)))
                active &= change > enough
                if not active.any():
                    break
            if not active.any():
                break
    return state.flow


def _choose(active: Tensor, new: Tensor, old: Tensor) -> Tensor:
    return torch.where(active[:, None, None, None], new, old)


def _with_derivatives(image: Tensor) -> Tensor:
    """Image and central differences along x and y (N,3,H,W); at the edges, half the one-sided difference."""
    wide = functional.pad(image, (1, 1, 1, 1), mode="replicate")
    along_x = 0.5 * (wide[..., 1:-1, 2:] - wide[..., 1:-1, :-2])
    along_y = 0.5 * (wide[..., 2:, 1:-1] - wide[..., :-2, 1:-1])
    return torch.cat([image, along_x, along_y], 1)


def _linearise(first: Tensor, second: Tensor, flow: Tensor, strength: float) -> DataTerm:
    """Computes the data term around a flow; the second image and its derivatives are float64, all else is float32."""
    height, width = first.shape[-2:]
    columns = torch.arange(width, device=flow.device) + flow[:, 0]
    rows = torch.arange(height, device=flow.device)[:, None] + flow[:, 1]
    # grid_sample's coordinates run from -1 to 1 between the outer edges of the outer pixels. float32 would lose 3e-5
    # pixels in them; without that loss, FlyingChairs differs by 0.049 px from numba instead of 0.054.
    grid = torch.stack([(2 * columns.double() + 1) / width - 1, (2 * rows.double() + 1) / height - 1], -1)
    warped = functional.grid_sample(second, grid, mode="bicubic", padding_mode="zeros", align_corners=False).float()
    gradient = warped[:, 1:]
    square = (gradient * gradient).sum(1, keepdim=True)
    inverse = torch.where(square > _FLAT, square.clamp(min=_FLAT).rsqrt(), 0)
    normal = gradient * inverse
    offset = (warped[:, :1] - first) * inverse - (normal * flow).sum(1, keepdim=True)
    return DataTerm(normal, offset, strength * square * inverse)


def _iterate(data: DataTerm, state: State, theta: float, rate: float, count: int) -> tuple[State, Tensor]:
    """Runs several iterations; also returns the sums of squared changes of the flow in the last one (N,)."""
    flow, dual_x, dual_y = state
    old = flow
    for _ in range(count):
        old = flow
        residual = (data.normal * flow).sum(1, keepdim=True) + data.offset
        step = torch.minimum(torch.maximum(residual, -data.limit), data.limit)
        # Backward differences; the dual variables are 0 across the left and top edges.
        inflow_x, inflow_y = functional.pad(dual_x[..., :-1], (1, 0)), functional.pad(dual_y[..., :-1, :], (0, 0, 1, 0))
        flow = flow - step * data.normal + theta * (dual_x - inflow_x + dual_y - inflow_y)
        # Forward differences; 0 across the right and bottom edges.
        along_x = functional.pad(flow[..., 1:] - flow[..., :-1], (0, 1))
        along_y = functional.pad(flow[..., 1:, :] - flow[..., :-1, :], (0, 0, 0, 1))
        scale = 1 / (1 + rate * torch.sqrt(along_x * along_x + along_y * along_y))
        dual_x, dual_y = (dual_x + rate * along_x) * scale, (dual_y + rate * along_y) * scale
    return State(flow, dual_x, dual_y), (flow - old).square().sum((1, 2, 3))

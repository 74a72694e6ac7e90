"""Section `tvl1` of `perf/gpu.py`: pairs of 340x256 per second of every backend.

The pairs are rendered scenes with exact flow. The bound is that of a kernel that reads and writes its state once per
iteration: 64 bytes a pixel at the speed of a copy within the GPU's memory. Its iterations are those that the numba
backend does before the pairs converge, the same ones that all backends do.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import cv2
import numpy as np
import torch
import tvl1
from gpu_table import Table, copied_bytes_per_second, device, seconds_of

from i2vadapt.config.preprocessing import FlowSettings, Tvl1Settings
from i2vadapt.flow.backends import numba as numba_tvl1
from i2vadapt.flow.backends import opencv
from i2vadapt.flow.backends import torch as torch_tvl1
from i2vadapt.flow.tvl1 import BACKENDS

BYTES = 64  # per pixel and iteration
SCENES, PAIRS, EAGER = 8, 256, 64  # rendered scenes; pairs of a batch on the GPU, and of one that takes long
Solve = Callable[[np.ndarray, np.ndarray], np.ndarray]


def all_settings() -> dict[str, Tvl1Settings]:
    """The settings that are measured; the pipeline's are omitted while they are OpenCV's."""
    opencv_defaults = Tvl1Settings.model_validate({})
    named = {"OpenCV's settings": opencv_defaults}
    pipeline = FlowSettings.model_validate({}).tvl1
    if pipeline != opencv_defaults:
        named["the pipeline's settings"] = pipeline
    return named | {"2 warps, epsilon 0.05": Tvl1Settings.model_validate({"n_warps": 2, "epsilon": 0.05})}


def in_threads(solve: Callable[..., np.ndarray], cores: int, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Solves one pair on each core."""
    with ThreadPoolExecutor(cores) as pool:
        return np.concatenate(list(pool.map(solve, first[:, None], second[:, None])))


def cpu_ways(settings: Tvl1Settings, cores: int) -> dict[str, Solve]:
    """OpenCV and numba, each with one pair on each core."""
    backends = {"OpenCV": opencv.tvl1_pairs} if hasattr(cv2, "optflow") else {}
    backends |= {"numba": numba_tvl1.tvl1_pairs}
    return {
        f"{name}, {cores} cores": partial(in_threads, partial(pairs, settings=settings), cores)
        for name, pairs in backends.items()
    }


def gpu_ways(settings: Tvl1Settings) -> dict[str, Solve]:
    """The backends that run on a GPU."""
    ways: dict[str, Solve] = {}
    if "cuda" in BACKENDS and torch.cuda.is_available():
        ways["cuda"] = partial(importlib.import_module(BACKENDS["cuda"]).tvl1_pairs, settings=settings)
    torch_pairs = partial(torch_tvl1.tvl1_pairs, settings=settings, device=device())
    if torch.cuda.is_available():  # on a CPU, compiling takes minutes
        ways["torch compiled"] = partial(torch_pairs, compiled=True)
    return ways | {"torch": partial(torch_pairs, compiled=False)}


def repeated(images: np.ndarray, count: int) -> np.ndarray:
    """As many images as are wanted, the same ones over and over."""
    return np.resize(images, (count, *images.shape[1:]))


def measure(table: Table) -> None:
    """Prints the rows."""
    cores = len(os.sched_getaffinity(0))
    cv2.setNumThreads(1)
    torch.set_num_threads(cores)
    size, scenes = ((48, 64), 2) if table.tiny else ((256, 340), SCENES)
    bandwidth = copied_bytes_per_second()
    table.note("bandwidth of a copy", f"{bandwidth / 1e12:.2f} TB/s read and written")
    if not hasattr(cv2, "optflow"):
        table.note("OpenCV", "left out: this OpenCV has no optflow module (opencv-contrib-python-headless has)")
    rng = np.random.default_rng(0)
    named = all_settings()
    rendered = tvl1.rendered("", next(iter(named.values())), [tvl1.drifting(rng, size) for _ in range(scenes)], 2.0)
    for title, settings in named.items():
        batch = replace(rendered, settings=settings)
        bound = scenes * bandwidth / (BYTES * tvl1.iterations(batch))
        table.row(f"{title}: bound of a pass per iteration", bound, "pairs", f"{size[1]}x{size[0]}")
        measure_backends(table, title, batch, cores, bound)


def measure_backends(table: Table, title: str, batch: tvl1.Batch, cores: int, bound: float) -> None:
    """Prints the rows of one choice of settings."""
    reference = numba_tvl1.tvl1_pairs(batch.first, batch.second, batch.settings)
    opencv_rate = float("nan")
    ways = cpu_ways(batch.settings, cores) | gpu_ways(batch.settings)
    for name, solve in ways.items():
        on_cpu = "cores" in name
        count = 2 if table.tiny else 4 * cores if on_cpu else EAGER if name == "torch" else PAIRS
        first, second = (repeated(images, count) for images in (batch.first, batch.second))
        with table.attempt(f"{title}: {name}"):
            shown = len(batch.first)
            flow = solve(batch.first, batch.second)  # compiles
            error = float(np.linalg.norm(flow - batch.truth, axis=-1)[batch.known].mean())
            apart = float(np.linalg.norm(flow - reference, axis=-1).mean())
            seconds = seconds_of(partial(solve, first, second), 1.0, warm_up=not on_cpu and count > shown)
            rate = count / seconds
            opencv_rate = rate if name.startswith("OpenCV") else opencv_rate
            notes = f"{rate / opencv_rate:.1f} x OpenCV, " if opencv_rate == opencv_rate else ""
            notes += f"{rate / bound:.2f} x bound, endpoint error {error:.4f}, {apart:.4f} px from numba"
            table.row(f"{title}: {name}", rate, "pairs", notes)

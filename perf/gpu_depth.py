"""Section `depth` of `perf/gpu.py`: images per second through the networks alone, and photographs through the stage.

The released way predicts one image after another in float32. All weights are random.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import torch
from gpu_table import Table, device, seconds_of

import depth
from i2vadapt.depth.network import DepthNetwork
from i2vadapt.depth.predict import run_network
from i2vadapt.depth.registry import build_depth_model
from i2vadapt.depth.spec import depth_model_spec

NETWORKS = ("dpt_beit_large_512", "depth_anything_v2_small")
IMAGES, PHOTOGRAPHS = 16, 64


def measure(table: Table) -> None:
    """Prints the rows."""
    for name in ("dpt_small",) if table.tiny else NETWORKS:
        torch.manual_seed(0)
        network = build_depth_model(name, non_negative=False)
        with table.attempt(name):
            measure_network(table, network)
        with table.attempt(f"{name}: stage"):
            measure_stage(table, network)


def measure_network(table: Table, network: DepthNetwork) -> None:
    """Prints the rows of a network by itself, copies to the device and back included."""
    spec = depth_model_spec(network.spec.name)
    count = 2 if table.tiny else IMAGES
    images = list(np.random.default_rng(0).normal(size=(count, 3, spec.net_size, spec.net_size)).astype(np.float32))
    network.prepare(device(), torch.float32)
    first = single(network, images)
    exact = run_network(network, images)
    spread = np.ptp(exact, axis=(1, 2)).mean()
    table.row(f"{spec.name} {spec.net_size}^2: float32, one at a time", first, "images")
    for dtype in (torch.float32, torch.bfloat16):
        network.prepare(device(), dtype)
        kind = str(dtype).removeprefix("torch.")
        for way, forward in (("", network), (", compiled", torch.compile(network) if not table.tiny else None)):
            if forward is None or (way and dtype is torch.float32):
                continue
            with table.attempt(f"{spec.name}: {kind}{way}"):
                found = batched(forward, network, images)
                error = np.abs(found - exact).mean() / spread
                forget_peak()
                rate = count / seconds_of(partial(batched, forward, network, images), 1.5)
                notes = f"{rate / first:.1f} x, {100 * error:.2f} % of the range from float32{peak(count)}"
                table.row(f"{spec.name}: {kind}, {count} at a time{way}", rate, "images", notes)


def single(network: DepthNetwork, images: list[np.ndarray]) -> float:
    """Images per second, one at a time."""
    return len(images) / seconds_of(lambda: [run_network(network, [image]) for image in images], 1.5)


def batched(forward: torch.nn.Module, network: DepthNetwork, images: list[np.ndarray]) -> np.ndarray:
    """Maps of a batch, as `run_network` makes them, by the network or its compiled form."""
    if forward is network:
        return run_network(network, images)
    batch = torch.from_numpy(np.stack(images)).to(device(), memory_format=torch.channels_last)
    with torch.inference_mode(), torch.autocast(device(), network.dtype, enabled=network.dtype is not torch.float32):
        return forward(batch).float().cpu().numpy()


def forget_peak() -> None:
    """Forgets the largest memory use so far."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def peak(count: int) -> str:
    """Largest memory use since `forget_peak`, per image."""
    if not torch.cuda.is_available():
        return ""
    return f", {torch.cuda.max_memory_allocated() / count / 2**20:.0f} MiB per image with the weights"


def measure_stage(table: Table, network: DepthNetwork) -> None:
    """Prints the rows of the stage: reading JPEG files, predicting, encoding PNG files of 16 bits."""
    count = 4 if table.tiny else PHOTOGRAPHS
    network.prepare(device(), torch.float32)
    with tempfile.TemporaryDirectory() as folder:
        items = depth.write_photographs(Path(folder), count)
        first, exact = depth.timed(depth.one_at_a_time, network, items[: max(count // 4, 2)])
        title = f"{network.spec.name}: stage, photographs of 640x480"
        table.row(f"{title}: float32, one after another", first, "images")
        network.prepare(device(), torch.bfloat16)
        rate, maps = depth.timed(depth.by_stage, network, items)
        off = 100 * np.abs(maps[: len(exact)] - exact).mean()
        table.row(f"{title}: as it runs", rate, "images", f"{rate / first:.1f} x, {off:.2f} % of the range apart")

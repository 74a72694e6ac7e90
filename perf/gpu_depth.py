"""Section `depth` of `perf/gpu.py`: images per second through the networks alone, and photographs through the stage.

The released way predicts one image after another in float32. All weights are random, and the photographs are noise of
several sizes of detail.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from gpu_table import Table, device, seconds_of, texture

import depth
from i2vadapt.data.items import Item
from i2vadapt.depth.network import DepthNetwork
from i2vadapt.depth.predict import run_network
from i2vadapt.depth.registry import build_depth_model

NETWORKS = ("dpt_beit_large_512", "depth_anything_v2_small")
IMAGES, PHOTOGRAPHS = 16, 96


def build(name: str) -> DepthNetwork:
    """A network with random weights, drawn on the device because that takes a CPU seconds."""
    torch.manual_seed(0)
    with torch.device(device()):
        return build_depth_model(name, non_negative=False)


def network_images(network: DepthNetwork, count: int) -> list[np.ndarray]:
    """Inputs of a network at its own size."""
    side = network.spec.net_size
    return list(np.random.default_rng(0).normal(size=(count, 3, side, side)).astype(np.float32))


def measure(table: Table) -> None:
    """Prints the rows."""
    for name in ("dpt_small",) if table.tiny else NETWORKS:
        network = build(name)
        with table.attempt(name):
            measure_network(table, network)
        with table.attempt(f"{name}: stage"):
            measure_stage(table, network)


def measure_network(table: Table, network: DepthNetwork) -> None:
    """Prints the rows of a network by itself, copies to the device and back included."""
    name, side, count = network.spec.name, network.spec.net_size, 2 if table.tiny else IMAGES
    images = network_images(network, count)
    network.prepare(device(), torch.float32)
    exact = run_network(network, images[:4])
    few = images[: max(count // 4, 1)]
    first = len(few) / seconds_of(lambda: [run_network(network, [image]) for image in few], 1.0)
    table.row(f"{name} {side}^2: float32, one at a time", first, "images")
    for dtype in (torch.bfloat16, torch.float32):
        network.prepare(device(), dtype)
        forget_peak()
        rate = count / seconds_of(partial(run_network, network, images), 1.0)
        notes = f"{rate / first:.1f} x{peak(count * side * side)}"
        error = np.abs(run_network(network, images[:4]) - exact).mean() / np.ptp(exact, axis=(1, 2)).mean()
        kind = str(dtype).removeprefix("torch.")
        table.row(
            f"{name}: {kind}, {count} at a time", rate, "images", f"{notes}, {error:.2%} of the range from the first"
        )


def forget_peak() -> None:
    """Forgets the largest memory use so far."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def peak(pixels: int) -> str:
    """Largest memory use since `forget_peak` beyond what is in use now, per pixel of the input."""
    if not torch.cuda.is_available():
        return ""
    used = torch.cuda.max_memory_allocated() - torch.cuda.memory_allocated()
    return f", {used / pixels:.0f} bytes a pixel"


def write_photographs(folder: Path, count: int) -> list[Item]:
    """Writes JPEG photographs of 640x480, every fourth one upright."""
    items = []
    for number in range(count):
        image = texture(number % 8, 480, 640)
        path = folder / f"{number}.jpg"
        cv2.imwrite(str(path), image.swapaxes(0, 1) if number % 4 == 3 else image)
        items.append(Item(path.name, str(path), "", -1, ""))
    return items


def measure_stage(table: Table, network: DepthNetwork) -> None:
    """Prints the rows of the stage: reading JPEG files, predicting, encoding PNG files of 16 bits."""
    count, title = 4 if table.tiny else PHOTOGRAPHS, f"{network.spec.name}: stage, photographs of 640x480"
    network.prepare(device(), torch.float32)
    with tempfile.TemporaryDirectory() as folder:
        items = write_photographs(Path(folder), count)
        first, exact = depth.timed(depth.one_at_a_time, network, items[: max(count // 8, 2)])
        table.row(f"{title}: float32, one after another", first, "images")
        network.prepare(device(), torch.bfloat16)
        list(depth.by_stage(network, items[: count // 2]))  # warm-up with whole batches
        rate, maps = depth.timed(depth.by_stage, network, items)
        off = np.abs(maps[: len(exact)] - exact).mean()
        table.row(f"{title}: as it runs", rate, "images", f"{rate / first:.1f} x, {off:.2%} of the range apart")

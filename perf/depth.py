"""Photographs per second of the stage depth, compared with one at a time in float32.

    python perf/depth.py [--threads 1] [--photographs 32] [--models dpt_small depth_anything_v2_small ...]

The photographs are rendered scenes of 640x480 and 480x640 pixels in JPEG. "one at a time" reads, predicts and encodes
one photograph after another in float32; "stage" predicts those of one network size together while others are read and
encoded, in float32 and in the data type that `precision: auto` stands for on this machine. The last two columns are the
mean and largest difference of the maps from those of the first row, in percent of the range. Networks whose weights are
not available have random ones, which makes them more sensitive to rounding than trained ones.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch

from i2vadapt.data.image import read_image
from i2vadapt.data.items import Item
from i2vadapt.data.shards.codec import encode_depth
from i2vadapt.data.shards.format import Encoded
from i2vadapt.demo import random_scene, render
from i2vadapt.depth import DepthNetwork, build_depth_model, predict_inverse_depth, to_uint16
from i2vadapt.depth.stage import estimate_items
from i2vadapt.runtime.devices import best_device, chosen_dtype

_MODELS = ("dpt_small", "dpt_swin2_tiny_256", "depth_anything_v2_small")
_LARGE = 20_000_000  # parameters above which fewer photographs are used


def write_photographs(folder: Path, count: int) -> list[Item]:
    """Renders photographs, every fourth one in portrait format."""
    items = []
    for number in range(count):
        rng = np.random.default_rng([1, number])
        image = render(random_scene(rng, (640, 480) if number % 4 == 3 else (480, 640)), 0.0).image
        path = folder / f"{number}.jpg"
        cv2.imwrite(str(path), image[..., ::-1])
        items.append(Item(path.name, str(path), "", -1, ""))
    return items


def one_at_a_time(network: DepthNetwork, items: Sequence[Item]) -> Iterator[bytes]:
    """Yields maps as PNG; each is finished before the next one is started."""
    for item in items:
        yield encode_depth(to_uint16(predict_inverse_depth(network, read_image(item.path))))


def by_stage(network: DepthNetwork, items: Sequence[Item]) -> Iterator[bytes]:
    """Yields maps as PNG, computed by the stage."""
    for result in estimate_items(network, items):
        if isinstance(result, Encoded):
            yield result.frames[0]


def timed(
    way: Callable[[DepthNetwork, Sequence[Item]], Iterator[bytes]], network: DepthNetwork, items: Sequence[Item]
) -> tuple[float, np.ndarray]:
    """Returns the photographs per second, and all values of the maps in [0,1]."""
    list(way(network, items[:1]))  # warm-up, in which kernels are chosen
    started = time.perf_counter()
    maps = list(way(network, items))
    seconds = time.perf_counter() - started
    values = [cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED).ravel() for data in maps]
    return len(items) / seconds, np.concatenate(values) / 65535


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description="Speed of the stage depth.")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (1)")
    parser.add_argument(
        "--photographs", type=int, default=32, help="number of photographs, at least 4; large networks get 4 (32)"
    )
    parser.add_argument("--models", nargs="+", default=_MODELS, help=f"networks to measure ({' '.join(_MODELS)})")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = best_device()
    auto = chosen_dtype("auto", device)
    plans = [("one at a time, float32", one_at_a_time, torch.float32), ("stage, float32", by_stage, torch.float32)]
    if auto is not torch.float32:
        plans.append((f"stage, {str(auto).removeprefix('torch.')}", by_stage, auto))
    with tempfile.TemporaryDirectory() as folder:
        photographs = write_photographs(Path(folder), options.photographs)
        print(f"{device}, {options.threads} threads\n\n| network | way | photographs/s | times | mean % | largest % |")
        print("|--|--|--|--|--|--|")
        for name in options.models:
            torch.manual_seed(0)
            network = build_depth_model(name).to(device)
            large = sum(parameter.numel() for parameter in network.parameters()) > _LARGE
            items = photographs[:4] if large else photographs
            first, exact = timed(one_at_a_time, network, items)
            for way, make, dtype in plans:
                plain = make is one_at_a_time
                rate, values = (first, exact) if plain else timed(make, network.prepare(device, dtype), items)
                off = 100 * np.abs(values - exact)
                print(
                    f"| {name} | {way} | {rate:.2f} | {rate / first:.1f} | {off.mean():.3f} | {off.max():.2f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()

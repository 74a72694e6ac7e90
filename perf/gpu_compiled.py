"""Section `compiled` of `perf/gpu.py`: what `torch.compile` gains in training steps and depth networks."""

from __future__ import annotations

import time

import torch
from gpu_depth import IMAGES, NETWORKS, build, network_images
from gpu_table import Table, device, seconds_of
from gpu_training import Stepper, pinned, sizes, step_rate

import training
from i2vadapt.depth.predict import run_network


def measure(table: Table) -> None:
    """Prints the rows, with the seconds that the first call takes."""
    torch.backends.cudnn.benchmark = True
    for name in ("dpt_small",) if table.tiny else NETWORKS[::-1]:
        with table.attempt(name):
            network = build(name).prepare(device(), torch.bfloat16)
            images = network_images(network, 2 if table.tiny else IMAGES)
            first = len(images) / seconds_of(lambda: run_network(network, images), 1.0)  # noqa: B023 - called here
            network.compile(dynamic=False)
            started = time.perf_counter()
            run_network(network, images)
            compiling = time.perf_counter() - started
            rate = len(images) / seconds_of(lambda: run_network(network, images), 1.0)  # noqa: B023
            table.row(f"{name}: bfloat16", rate, "images", f"{rate / first:.2f} x, after {compiling:.0f} s")
    count, frames, side = sizes(table.tiny)
    batch = pinned(training.random_batch(count, frames, side))
    with table.attempt("training"):
        first = step_rate(Stepper.make("rgb", torch.bfloat16, False), batch, "rgb")
        stepper = Stepper.make("rgb", torch.bfloat16, False)
        stepper.recipe.model.network.compile(dynamic=False)
        started = time.perf_counter()
        rate = step_rate(stepper, batch, "rgb")
        notes = f"{rate / first:.2f} x, after {time.perf_counter() - started:.0f} s"
        table.row(f"step rgb {frames}x{side}^2, batch {count}", rate, "clips", notes)

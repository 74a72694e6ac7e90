"""Section `profile` of `perf/gpu.py`: the kernels on which a training step of I3D spends its time on the GPU."""

from __future__ import annotations

import torch
from gpu_table import Table, finish
from gpu_training import Stepper, pinned, sizes
from torch.profiler import ProfilerActivity, profile

import training

SHOWN, STEPS = 14, 3


def measure(table: Table) -> None:
    """Prints the kernels of a step of each stream, with their times per step."""
    batch = pinned(training.random_batch(*sizes(table.tiny)))
    torch.backends.cudnn.benchmark = True
    on_gpu = torch.cuda.is_available()
    for stream in ("rgb", "flow"):
        stepper = Stepper.make(stream, torch.bfloat16, False)
        sample = training.training_batch(batch, stream)
        for _ in range(2):
            stepper.step(sample)
        finish()
        with profile(activities=[ProfilerActivity.CUDA if on_gpu else ProfilerActivity.CPU]) as found:
            for _ in range(STEPS):
                stepper.step(sample)
            finish()
        name = "self_device_time_total" if on_gpu else "self_cpu_time_total"
        events = sorted(found.key_averages(), key=lambda event: getattr(event, name), reverse=True)
        total = sum(getattr(event, name) for event in events)
        table.note(f"{stream}: a step", f"{total / STEPS / 1e3:.2f} ms in kernels")
        for event in events[:SHOWN]:
            spent = getattr(event, name)
            table.note(
                f"{stream}: {spent / total:6.1%} {spent / STEPS / 1e3:7.2f} ms {event.count // STEPS:4d} calls",
                event.key[:110].replace("|", "/"),
            )

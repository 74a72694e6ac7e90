"""How long the demo will take on this machine, from the time of a training step on it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from i2vadapt.config.resolve import read_config
from i2vadapt.config.resolved import ResolvedBenchmark
from i2vadapt.config.run import TrainingSettings
from i2vadapt.errors import UserError

_ROWS = ("so_rgb", "so_rgb_flow", "cfb", "full")
_PREPARING = 370.0  # seconds of one core for rendering, preprocessing, starting the commands, fusion and report
_AROUND = 2.3  # what a clip takes with all around it: loading, optimiser, a neighbour that shares the caches
_SCORING = 0.35  # time to score a video, as a share of the time to train on a clip


def describe_estimate(cores: int, workflow: Path = Path("workflow")) -> str:
    """The line that `make demo` begins with.

    Args:
        cores: number of cores that the demo will use.
        workflow: folder of the workflow, with its benchmark files.

    Raises:
        UserError: if the folder is not there, or its files have mistakes.
    """
    if not workflow.is_dir():
        raise UserError(f"demo: --estimate: no folder {workflow} here; run it in the folder of the project")
    _, (demo,) = read_config({"benchmarks": ["demo"], "methods": list(_ROWS)}, workflow, [])
    runs = {name: run for name, run in demo.runs.items() if isinstance(run, TrainingSettings)}
    clip = _seconds_of_a_clip(runs["flow"], len(demo.benchmark.classes))
    minutes = (
        (_PREPARING + _AROUND * _clips(demo, list(runs.values())) * clip) / min(cores, 3) / 60
    )  # three runs can be trained at a time
    return (
        f"The demo will take about {max(round(minutes), 1)} minutes on {cores} cores"
        f" (training: {1 / clip:.0f} clips per second and core)."
    )


def _clips(demo: ResolvedBenchmark, runs: Sequence[TrainingSettings]) -> float:
    """Work of all runs, in training clips."""
    photographs, videos = demo.benchmark.source.expected or 0, demo.benchmark.target.expected or 0
    trained = sum(run.epochs * photographs * (2 if getattr(run, "has_pace_head", False) else 1) for run in runs)
    return trained + _SCORING * videos * sum(len(run.scored_epochs()) for run in runs)


def _seconds_of_a_clip(settings: TrainingSettings, num_classes: int) -> float:
    """Time that one core takes for a clip of a training step, with random weights and frames."""
    import torch  # imported here because it takes seconds

    from i2vadapt.models.registry import build_network
    from i2vadapt.runtime.precision import choose_arithmetic

    arithmetic = choose_arithmetic(settings.precision)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    network = build_network(settings, num_classes).train()
    arithmetic.prepare(network)
    size = (settings.batch_size, 2, settings.clip_frames, settings.crop, settings.crop)
    clips = torch.rand(size, device=arithmetic.device).contiguous(memory_format=arithmetic.memory_format)
    best = float("inf")
    for _ in range(3):
        started = time.perf_counter()
        with arithmetic.autocast():
            loss = network.classify(network.features(clips)).float().square().mean()
        loss.backward()
        best = min(best, time.perf_counter() - started)
    torch.set_num_threads(threads)
    return best / settings.batch_size

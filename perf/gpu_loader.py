"""Section `loader` of `perf/gpu.py`: clips per second from shards, and how long training steps wait for them.

The shards hold videos of 340x256 as JPEG: noise of several sizes of detail that drifts. A run is set up by the trainer
itself, with its loader processes; its first steps, in which they start, do not count. The wait is what the trainer
records as share_waiting_for_data.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import loader
import numpy as np
import torch
from gpu_table import Table, finish, texture

from i2vadapt.config.parsing import parse
from i2vadapt.config.preprocessing import DecodeSettings, FlowSettings
from i2vadapt.config.recipes.video import Settings
from i2vadapt.data.flow_codec import encode_flow
from i2vadapt.data.items import Item, write_items
from i2vadapt.data.shards.build import make_provenance
from i2vadapt.data.shards.codec import encode_frame
from i2vadapt.data.shards.format import Encoded, write_shard_file
from i2vadapt.data.shards.reader import ShardReader
from i2vadapt.layout import shard_name
from i2vadapt.recipes.video import Recipe
from i2vadapt.training.loop import Trainer
from i2vadapt.training.run import Run

CLASSES = ("walk", "run")
VIDEOS, COPIES, WARM_UP, STEPS, WORKERS, BATCH = 6, 16, 6, 30, 8, 16


def write_dataset(folder: Path, videos: list[loader.Video], copies: int) -> None:
    """Writes a dataset of one shard, in which every video is contained several times."""
    size = {"height": videos[0][0][0].shape[0], "width": videos[0][0][0].shape[1], "fps": 25.0}
    frames = [[encode_frame(frame, "jpeg", 95) for frame in video[0]] for video in videos]
    flow = [[encode_flow(field, loader.BOUND, 95, "jpeg") for field in video[1]] for video in videos]
    count = len(videos) * copies
    items = [Item(f"{k}.mp4", "", CLASSES[k % 2], k % 2, str(k)) for k in range(count)]
    write_items(folder / "manifest.csv", items)
    write_items(folder / "items" / f"{shard_name(0)}.csv", items)
    inputs: dict[str, str] = {}
    for kind, settings, data in (
        ("frames", DecodeSettings(), frames),
        ("flow", FlowSettings(bound=loader.BOUND), flow),
    ):
        results = [Encoded(item.id, item.label, data[k % len(videos)], size) for k, item in enumerate(items)]
        path = folder / kind / f"{shard_name(0)}.h5"
        path.parent.mkdir(parents=True)
        write_shard_file(path, kind, results, make_provenance(kind, 1, settings.model_dump(mode="json"), inputs))
        inputs = {"frames": ShardReader(path).digest}


def drifting_video(number: int, height: int, width: int) -> loader.Video:
    """Frames of a texture that is shifted by a constant flow, with some noise in the flow as estimated flow has."""
    image, rng = texture(number, height + loader.LENGTH, width + loader.LENGTH), np.random.default_rng(number)
    frames = [image[step : step + height, step : step + width] for step in range(loader.LENGTH)]
    flow = []
    for _ in frames[1:]:
        noise = rng.normal(size=(height, width, 2)).astype(np.float32)
        flow.append(cv2.GaussianBlur(noise, (0, 0), 3.0) * 10 - 1)
    return frames, flow


def trainer(root: Path, stream: str, workers: int, tiny: bool) -> Trainer:
    """The trainer of a run with random initial weights, on the same videos as source and target."""
    document: dict[str, Any] = {"stream": stream, "bank": None, "init": {"rgb": None}, "batch_size": BATCH}
    if tiny:
        document |= {"crop": 32, "clip_frames": 8, "batch_size": 2}
    settings = parse(Settings, document, "perf").relevant()
    return Trainer(Run(root / stream, root / "data", root / "data", CLASSES, settings, 0, workers))


def batches(of: Trainer, steps: int) -> Iterator[Any]:
    """The batches of some steps, more than one epoch if need be."""
    length, Recipe.steps = Recipe.steps, property(lambda _: steps)  # type: ignore[assignment]
    try:
        yield from of.recipe.batches(0, 0)
    finally:
        Recipe.steps = length  # type: ignore[method-assign]


def clips_of(batch: Any) -> int:
    """Number of clips of a batch."""
    return sum(len(sample["clip"]) for sample in batch if sample is not None)


def rate_of(of: Trainer, steps: int, warm_up: int, train: bool) -> tuple[float, float]:
    """Clips per second after the first steps, with or without training, and the share of time spent on waiting."""
    of.model.train()
    waited, clips, started = 0.0, 0, 0.0
    source = batches(of, steps)
    for number in range(steps):
        if number == warm_up:
            finish()
            waited, clips, started = 0.0, 0, time.perf_counter()
        before = time.perf_counter()
        batch = next(source)
        waited += time.perf_counter() - before
        clips += clips_of(batch)
        if train:
            of._step(batch)
    finish()
    seconds = time.perf_counter() - started
    source.close()  # type: ignore[attr-defined]
    return clips / seconds, waited / seconds


def measure(table: Table) -> None:
    """Prints the rows."""
    torch.set_num_threads(1 if torch.cuda.is_available() else len(os.sched_getaffinity(0)))
    workers, steps, warm_up = (2, 4, 2) if table.tiny else (WORKERS, STEPS, WARM_UP)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        size, count = ((48, 64), 2) if table.tiny else ((256, 340), VIDEOS)
        videos = [drifting_video(number, *size) for number in range(count)]
        write_dataset(root / "data", videos, 2 if table.tiny else COPIES)
        for stream in ("rgb", "flow"):
            with table.attempt(stream):
                run = trainer(root, stream, workers, table.tiny)
                title = f"{stream}, {workers} processes a loader"
                alone, _ = rate_of(run, steps, warm_up, False)
                table.row(f"loading {title}", alone, "clips")
                rate, waiting = rate_of(run, steps, warm_up, True)
                notes = f"{waiting:.1%} of the time waiting for data"
                table.row(f"training with loading, {title}", rate, "clips", notes)

"""Videos per second of `predict` on a folder, one by one and in batches with threads, and of `evaluate` on shards.

The CPU time of a video is printed as well: other programs on the machine affect it little.

    python perf/predict.py [--videos 30] [--side 72] [--threads 2] [--streams rgb flow]

The networks are untrained I3Ds with the demo's settings, the videos rendered scenes of 24 frames. "one by one" decodes
a video, computes its clips and classifies it before the next one begins.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from i2vadapt.config.base import Stream
from i2vadapt.config.parsing import parse
from i2vadapt.config.preprocessing import DecodeSettings, FlowSettings
from i2vadapt.config.recipes.video import Settings
from i2vadapt.data.decode import run_decode
from i2vadapt.data.items import Item, write_items
from i2vadapt.data.video import write_video
from i2vadapt.data.video_files import FoundVideo, find_videos
from i2vadapt.demo import random_scene, render
from i2vadapt.flow.stage import run_flow
from i2vadapt.inference.classifier import Classifier, Member
from i2vadapt.inference.evaluate import evaluate
from i2vadapt.inference.predict import predict_videos
from i2vadapt.models.registry import build_network
from i2vadapt.models.stream_network import RunNetwork

CLASSES = ("walk", "run", "sit_down", "stand_up", "wave", "kick")
FRAMES, RATE = 24, 12.0
TVL1 = {"scale_step": 0.5, "n_scales": 4, "n_warps": 4, "epsilon": 0.1}


def film(path: Path, number: int, side: int) -> None:
    """Writes a video of a moving scene."""
    scene = random_scene(np.random.default_rng(number), (side * 4 // 3, side * 16 // 9))
    write_video(path, (render(scene, step / RATE).image for step in range(FRAMES)), RATE)


def untrained(streams: Sequence[Stream], side: int) -> Classifier:
    """A method of untrained networks with the demo's settings."""
    decode = DecodeSettings(short_side=side)
    flow = parse(FlowSettings, {"bound": 5, "tvl1": TVL1}, "perf")
    members = []
    for stream in streams:
        document = {"stream": stream, "crop": side - 8, "clip_frames": 8, "test_frames": 8, "bank": None}
        settings = parse(Settings, document, "perf")
        torch.manual_seed(0)
        members.append(Member(RunNetwork(build_network(settings, len(CLASSES))), settings, decode, flow))
    return Classifier(tuple(members), CLASSES)


def measure(work: Callable[[], object]) -> tuple[float, float]:
    """Duration and CPU time of some work, seconds."""
    started, spent = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - started, time.process_time() - spent


def write_dataset(folder: Path, videos: Sequence[FoundVideo], classifier: Classifier) -> None:
    """Writes the shards of the videos."""
    items = [Item(video.path.name, str(video.path), "", -1, "") for video in videos]
    write_items(folder / "manifest.csv", items)
    write_items(folder / "items" / "0000.csv", items)
    run_decode(items, folder / "frames" / "0000.h5", classifier.members[0].decode, 1, 0.0)
    run_flow(folder / "frames" / "0000.h5", folder / "flow" / "0000.h5", classifier.members[-1].flow, 1, 0.0)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, default=30, help="number of videos (30)")
    parser.add_argument("--side", type=int, default=72, help="short side of the frames, pixels (72)")
    parser.add_argument("--threads", type=int, default=2, help="number of threads that decode (2)")
    parser.add_argument(
        "--streams", nargs="+", choices=("rgb", "flow"), default=["rgb", "flow"], help="networks (both)"
    )
    options = parser.parse_args()
    classifier = untrained(options.streams, options.side)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for number in range(options.videos):
            film(root / "videos" / f"{number}.mp4", number, options.side)
        videos = find_videos([root / "videos"])
        write_dataset(root / "dataset", videos, classifier)
        list(predict_videos(classifier, videos[:2], None, 2, 1))  # compiles, and chooses convolutions
        ways: dict[str, Callable[[], object]] = {
            "one by one": lambda: [list(predict_videos(classifier, [video], None, 1, 1)) for video in videos],
            "predict": lambda: list(predict_videos(classifier, videos, None, 8, options.threads)),
            "evaluate": lambda: evaluate(classifier, root / "dataset", root / "predictions.csv", 8, 0),
        }
        for way, work in ways.items():
            duration, spent = measure(work)
            rate, cost = options.videos / duration, 1e3 * spent / options.videos
            print(f"{way:12} {rate:6.2f} videos/s, {cost:6.0f} ms of CPU time each")


if __name__ == "__main__":
    main()

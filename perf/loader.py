"""Clips (RGB and flow) per second from shards compared with loose JPEG files, with one and two loader processes.

    python perf/loader.py [--side 256] [--videos 12] [--seconds 4]

Loose files are read as in the method's released loader: one folder per video, listed with glob for every clip, one JPEG
per frame and one for each component of its flow, read with cv2.imread, scaled in float32, then cropped. Both loaders
read the same frames of the same rendered videos, 16 spread over a video, and yield batches of clips for the networks;
the images are in the page cache. The order of the loaders alternates between rounds, and the best round counts.
"""

from __future__ import annotations

import argparse
import glob
import itertools
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, RandomSampler

from i2vadapt.clips.dataset import ClipDataset
from i2vadapt.clips.placement import place
from i2vadapt.clips.sampling import uniform_indices
from i2vadapt.clips.source import SourceClips
from i2vadapt.config.parsing import parse
from i2vadapt.config.preprocessing import Codec, DecodeSettings, FlowSettings
from i2vadapt.config.recipes.video import Settings
from i2vadapt.data.flow_codec import encode_flow, quantise
from i2vadapt.data.items import Item, write_items
from i2vadapt.data.shards.build import make_provenance
from i2vadapt.data.shards.codec import encode_frame
from i2vadapt.data.shards.format import Encoded, write_shard_file
from i2vadapt.data.shards.reader import ShardReader
from i2vadapt.demo import exact_flow, random_scene, render
from i2vadapt.layout import shard_name
from i2vadapt.runtime.precision import Arithmetic

CLIP, CROP, BATCH, LENGTH, BOUND, QUALITY = 16, 224, 4, 32, 20.0, 95
Video = tuple[list[np.ndarray], list[np.ndarray]]


def film(number: int, side: int) -> Video:
    """Renders the frames (H,W,3) uint8 of a scene and the flow (H,W,2) between them."""
    scene = random_scene(np.random.default_rng(number), (side, side * 4 // 3))
    times = [0.04 * step for step in range(LENGTH)]
    return [render(scene, now).image for now in times], [
        exact_flow(scene, a, b)[0] for a, b in itertools.pairwise(times)
    ]


def write_loose(folder: Path, video: Video) -> None:
    """Writes one JPEG per frame, and one for each component of its flow."""
    for name, images in (
        ("rgb", [cv2.cvtColor(frame, cv2.COLOR_RGB2BGR) for frame in video[0]]),
        ("u", [quantise(field, BOUND)[0][..., 0] for field in video[1]]),
        ("v", [quantise(field, BOUND)[0][..., 1] for field in video[1]]),
    ):
        (folder / name).mkdir(parents=True)
        for number, image in enumerate(images):
            cv2.imwrite(str(folder / name / f"{number:06d}.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])


def write_shards(folder: Path, videos: Sequence[Video], codec: Codec) -> None:
    """Writes a dataset of one shard."""
    items = [Item(f"{number}.mp4", "", "walk", 0, str(number)) for number in range(len(videos))]
    write_items(folder / "manifest.csv", items)
    write_items(folder / "items" / f"{shard_name(0)}.csv", items)
    inputs: dict[str, str] = {}
    for kind, settings in (("frames", DecodeSettings(codec=codec)), ("flow", FlowSettings(codec=codec, bound=BOUND))):
        results = []
        for item, video in zip(items, videos, strict=True):
            size = {"height": video[0][0].shape[0], "width": video[0][0].shape[1]}
            if kind == "frames":
                data = [encode_frame(frame, codec, QUALITY) for frame in video[0]]
            else:
                data = [encode_flow(field, BOUND, QUALITY, codec) for field in video[1]]
            results.append(Encoded(item.id, 0, data, size))
        path = folder / kind / f"{shard_name(0)}.h5"
        path.parent.mkdir(parents=True)
        write_shard_file(path, kind, results, make_provenance(kind, 1, settings.model_dump(mode="json"), inputs))
        inputs = {"frames": ShardReader(path).digest}


class LooseClips(Dataset[tuple[Tensor, Tensor]]):
    """The released loader."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders

    def __len__(self) -> int:
        return len(self._folders)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        folder = self._folders[index]
        indices = uniform_indices(len(sorted(glob.glob(f"{folder}/rgb/*.jpg"))), CLIP)
        last = len(sorted(glob.glob(f"{folder}/u/*.jpg"))) - 1
        frames, flow = [], []
        for number in indices:
            image = cv2.imread(f"{folder}/rgb/{number:06d}.jpg")[:, :, [2, 1, 0]]
            frames.append((image / 255.0) * 2 - 1)
            pair = [cv2.imread(f"{folder}/{part}/{min(number, last):06d}.jpg", cv2.IMREAD_GRAYSCALE) for part in "uv"]
            flow.append((np.stack(pair, axis=-1) / 255.0) * 2 - 1)
        rng = np.random.default_rng(index)
        rgb, motion = (self._cut(np.asarray(part, np.float32), rng) for part in (frames, flow))
        return rgb, motion

    @staticmethod
    def _cut(clip: np.ndarray, rng: np.random.Generator) -> Tensor:
        top, left = (int(rng.integers(0, size - CROP + 1)) for size in clip.shape[1:3])
        cut = clip[:, top : top + CROP, left : left + CROP]
        cut = np.flip(cut, axis=2).copy() if rng.random() < 0.5 else cut
        return torch.from_numpy(np.ascontiguousarray(cut.transpose(3, 0, 1, 2)))


class ShardClips(Dataset[dict[str, Tensor]]):
    """The project's loaders: an RGB clip and a flow clip of one video, as two runs load them."""

    def __init__(self, folder: Path) -> None:
        self._streams = {}
        for stream in ("rgb", "flow"):
            settings = parse(
                Settings, {"stream": stream, "crop": CROP, "clip_frames": CLIP, "crops": "separate"}, "perf"
            )
            dataset = ClipDataset(folder, stream)
            self._streams[stream] = SourceClips(dataset, dataset, settings, (0, 0), None)

    def __len__(self) -> int:
        return len(self._streams["rgb"])

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {stream: clips[index]["clip"] for stream, clips in self._streams.items()}


def clips_per_second(clips: Dataset[Any], workers: int, seconds: float) -> float:
    """Rate of a loader after its first batch, including the work of the training process on each batch."""
    torch.manual_seed(0)
    endless = RandomSampler(clips, replacement=True, num_samples=10**6)  # type: ignore[arg-type]
    batches = iter(DataLoader(clips, BATCH, sampler=endless, num_workers=workers))
    arithmetic = Arithmetic(torch.device("cpu"), torch.bfloat16)
    next(batches)
    done, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        batch = next(batches)
        if isinstance(batch, dict):
            for stream in ("rgb", "flow"):
                place(batch[stream], arithmetic)
        done += BATCH
    return done / (time.perf_counter() - started)


def cpu_milliseconds(clips: Dataset[Any]) -> float:
    """CPU time per clip, which other programs on the machine affect little; the best of five passes."""
    count, times = len(clips), []  # type: ignore[arg-type]
    for _ in range(5):
        started = time.process_time()
        for number in range(count):
            clips[number]
        times.append((time.process_time() - started) / count * 1e3)
    return min(times)


def size_of(folder: Path) -> int:
    """Total size of all files in bytes."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=256, help="short side of the frames, pixels (256)")
    parser.add_argument("--videos", type=int, default=8, help="number of videos (8)")
    parser.add_argument("--seconds", type=float, default=4.0, help="duration of each measurement, seconds (4)")
    parser.add_argument("--rounds", type=int, default=2, help="number of rounds, of which the best counts (2)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        videos = [film(number, options.side) for number in range(options.videos)]
        for number, video in enumerate(videos):
            write_loose(root / "loose" / str(number), video)
        for codec in get_args(Codec):
            write_shards(root / codec, videos, codec)
        ways: dict[str, Dataset[Any]] = {codec: ShardClips(root / codec) for codec in get_args(Codec)}
        ways = {"loose": LooseClips([root / "loose" / str(number) for number in range(options.videos)]), **ways}
        best: dict[tuple[str, int], float] = {}
        for turn, workers in itertools.product(range(options.rounds), (1, 2)):
            for way in list(ways)[:: -1 if turn % 2 else 1]:
                rate = clips_per_second(ways[way], workers, options.seconds)
                best[way, workers] = max(best.get((way, workers), 0.0), rate)
        frames = options.videos * LENGTH
        size = f"{options.side * 4 // 3}x{options.side}"
        print(f"clips of {CLIP} x {CROP} x {CROP} per second, RGB and flow, frames of {size}")
        print(f"{'':8} {'1 process':>14} {'2 processes':>14} {'CPU ms/clip':>16} {'KB/frame':>12}")
        cost = {way: cpu_milliseconds(clips) for way, clips in ways.items()}
        for way in ways:
            cells = [f"{best[way, w]:7.1f} ({best[way, w] / best['loose', w]:.1f}x)" for w in (1, 2)]
            spent = f"{cost[way]:.1f} ({cost['loose'] / cost[way]:.1f}x)"
            kilobytes = size_of(root / way) / frames / 1e3
            print(f"{way:8} {cells[0]:>14} {cells[1]:>14} {spent:>16} {kilobytes:12.1f}")


if __name__ == "__main__":
    main()

"""Megabytes per second that `i2vadapt verify` reads, on synthetic shards of frames and flow of the paper's size.

python perf/verify.py [--items 64] [--workers 2]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import cv2
import numpy as np

from i2vadapt import stages
from i2vadapt.data.flow_codec import encode_flow
from i2vadapt.data.items import Item, digest_items, shard_of, write_items
from i2vadapt.data.shards.build import make_provenance
from i2vadapt.data.shards.codec import encode_jpeg
from i2vadapt.data.shards.format import Encoded, write_shard_file
from i2vadapt.data.shards.reader import ShardReader
from i2vadapt.layout import shard_name
from i2vadapt.pipeline.verify.results import verify

HEIGHT, WIDTH, FRAMES, SHARDS = 256, 340, 32, 4


def write_dataset(folder: Path, count: int) -> None:
    """Writes videos of moving soft noise and their flow to four shards."""
    rng = np.random.default_rng(0)
    noise = cv2.GaussianBlur(rng.uniform(0, 255, (HEIGHT, WIDTH + FRAMES, 3)).astype(np.float32), (0, 0), 2)
    picture = cv2.normalize(noise, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    frames = [encode_jpeg(picture[:, shift : shift + WIDTH], 95) for shift in range(FRAMES)]
    field = cv2.GaussianBlur(rng.normal(0, 20, (HEIGHT, WIDTH, 2)).astype(np.float32), (0, 0), 2)
    flow = [encode_flow(field, 20.0, 95)] * (FRAMES - 1)
    items = [Item(f"{number}.avi", "", "", -1, "") for number in range(count)]
    write_items(folder / "manifest.csv", items)
    for index in range(SHARDS):
        mine, name = [item for item in items if shard_of(item.id, SHARDS) == index], shard_name(index)
        write_items(folder / "items" / f"{name}.csv", mine)
        info = {"height": HEIGHT, "width": WIDTH}
        for kind, stage, version, data in (
            ("frames", "decode", stages.DECODE.version, frames),
            ("flow", "flow", stages.FLOW.version, flow),
        ):
            path = folder / kind / f"{name}.h5"
            path.parent.mkdir(exist_ok=True)
            inputs = {"items": digest_items(mine)}
            if kind == "flow":
                inputs = {"frames": ShardReader(folder / "frames" / f"{name}.h5").digest}
            results = [Encoded(item.id, item.label, data, info) for item in mine]
            write_shard_file(path, kind, results, make_provenance(stage, version, {"bound": 20.0}, inputs))


def main() -> None:
    """Runs the command's function on the shards; it prints the rate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=64, help="number of videos (64)")
    parser.add_argument("--workers", type=int, default=2, help="number of worker processes (2)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_dataset(Path(folder, "results", "datasets", "videos"), options.items)
        verify(Path(folder, "results"), options.workers, print)


if __name__ == "__main__":
    main()

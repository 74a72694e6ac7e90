"""Draws docs/pipeline.png, the README's picture, from the shards of a finished demo.

python perf/pipeline_picture.py results --out docs/pipeline.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from i2vadapt.data.image import read_image
from i2vadapt.data.items import read_items
from i2vadapt.data.shards.reader import ShardReader
from i2vadapt.files.atomic import write_atomically
from i2vadapt.flow.colour import flow_to_colour
from i2vadapt.layout import DatasetFolder, Results, shard_name
from i2vadapt.report.canvas import depth_colours
from i2vadapt.report.plotting import new_figure, style, to_png

HEADS = ("photograph", "depth", "generated video, first frame", "middle frame", "last frame", "its flow")
TARGET_HEADS = ("target video", "its flow", "target video", "its flow", "target video", "its flow")
CLASSES = ("walk", "kick")
TARGET_CLASSES = ("walk", "run", "kick")


def first_of(folder: DatasetFolder, name: str) -> tuple[str, str]:
    """Id and path of the first item of a class."""
    return next((item.id, item.path) for item in read_items(folder.manifest) if item.class_name == name)


def source_row(folder: DatasetFolder, name: str) -> list[np.ndarray]:
    """A photograph of a class with what is made of it."""
    item, path = first_of(folder, name)
    depth, frames, flow = (ShardReader(folder.shard(kind, shard_name(0)), kind) for kind in ("depth", "frames", "flow"))
    video = frames.frames(frames.index(item))
    middle = len(video) // 2
    motion = flow.frames(flow.index(item))[middle]
    colours = depth_colours(depth.frames(depth.index(item))[0])
    return [read_image(Path(path)), colours, video[0], video[middle], video[-1], flow_to_colour(motion)]


def target_row(folder: DatasetFolder) -> list[np.ndarray]:
    """Frames of target videos beside their flow."""
    frames, flow = (ShardReader(folder.shard(kind, shard_name(0)), kind) for kind in ("frames", "flow"))
    row: list[np.ndarray] = []
    for name in TARGET_CLASSES:
        item, _ = first_of(folder, name)
        middle = frames.frames(frames.index(item)).shape[0] // 2
        row += [frames.frames(frames.index(item))[middle], flow_to_colour(flow.frames(flow.index(item))[middle])]
    return row


def draw(axes: Axes, picture: np.ndarray, head: str) -> None:
    """Draws a picture under its head."""
    axes.imshow(picture)
    axes.set_title(head, fontsize=9, fontweight="normal", loc="center")
    axes.set_axis_off()


def main() -> None:
    """Draws the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="results folder of the demo")
    parser.add_argument("--out", type=Path, default=Path("docs/pipeline.png"), help="picture to write (%(default)s)")
    options = parser.parse_args()
    results = Results(options.results)
    rows = [source_row(results.dataset("demo-photographs"), name) for name in CLASSES]
    rows.append(target_row(results.dataset("demo-videos")))
    with style():
        figure = new_figure(11, 5.2)
        heads = (HEADS, ("",) * len(HEADS), TARGET_HEADS)
        grid = figure.subplots(len(rows), len(HEADS))
        for places, pictures, titles in zip(grid, rows, heads, strict=True):
            for axes, picture, title in zip(places, pictures, titles, strict=True):
                draw(axes, picture, title)
        write_atomically(options.out, to_png(figure))


if __name__ == "__main__":
    main()

"""A few dozen tiny photographs and videos, and the commands of the four stages on them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from i2vadapt.data.items import Item, write_items
from i2vadapt.data.shards.build import BATCH_ITEMS
from i2vadapt.data.video import write_video
from i2vadapt.files.digests import file_digest

ITEMS = 3 * BATCH_ITEMS + 5
BROKEN = 20  # this photograph and this video are not readable: failures must come back the same, too
STAGES = ("depth", "synthesize", "decode", "flow")
SYNTHESIS = {"short_side": 32, "frames": 4}
DECODE = {"short_side": 32}
FLOW = {"backend": "numba", "tvl1": {"n_scales": 2, "n_warps": 2, "inner_iterations": 5}}


def picture(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A soft random texture (H,W,3)."""
    noise = rng.uniform(0, 255, (height, width, 3)).astype(np.float32)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


def write_stage_data(folder: Path) -> None:
    """Tables photos.csv and videos.csv with their files."""
    for kind, suffix in (("photos", ".png"), ("videos", ".mp4")):
        items = []
        for number in range(ITEMS):
            path = folder / kind / f"{number:02d}{suffix}"
            path.parent.mkdir(exist_ok=True)
            wide = picture(np.random.default_rng([number, len(kind)]), 32, 56)
            if number == BROKEN:
                path.write_text("broken")
            elif kind == "photos":
                path.write_bytes(bytes(cv2.imencode(".png", wide)[1]))
            else:
                write_video(path, np.stack([wide[:, shift : shift + 48] for shift in range(4 + number % 3)]), 25)
            items.append(Item(path.name, str(path), "walk", number % 2, file_digest(path)))
        write_items(folder / f"{kind}.csv", items)


@dataclass(frozen=True)
class StageData:
    """The folder of `write_stage_data`, with shards of the stages before each."""

    folder: Path

    def command(self, stage: str, out: Path, workers: int = 1) -> list[object]:
        """Arguments of the stage's sub-command."""
        settings = {"depth": {"model": "dpt_small"}, "synthesize": SYNTHESIS, "decode": DECODE, "flow": FLOW}
        photos, videos = self.folder / "photos.csv", self.folder / "videos.csv"
        inputs = {
            "depth": ["--items", photos],
            "synthesize": ["--items", photos, "--depth", self.shard("depth")],
            "decode": ["--items", videos],
            "flow": ["--frames", self.shard("decode")],
        }
        parallel = [] if stage == "depth" else ["--workers", workers]
        return [stage, *inputs[stage], "--out", out, "--settings", json.dumps(settings[stage]), *parallel]

    def shard(self, stage: str) -> Path:
        """The shard of an uninterrupted run."""
        return self.folder / "whole" / stage / "0000.h5"

"""How much there is to do, and the few items that stand for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from i2vadapt.config.resolved import ResolvedBenchmark
from i2vadapt.data.container import count_packets
from i2vadapt.data.image import read_image
from i2vadapt.data.items import Item
from i2vadapt.data.manifest import choose_entries
from i2vadapt.errors import UserError
from i2vadapt.files.digests import file_digest
from i2vadapt.stages import Side

COUNTED_VIDEOS = 200  # whose frames are counted to estimate those of all
FEW, MANY = 2, 18


@dataclass(frozen=True)
class Sample:
    """One side of a benchmark.

    Attributes:
        side: source or target.
        items: number of all.
        frames: of all videos, estimated; of photographs their number.
        many: items to measure with.
        frames_of: frames of each of these.
    """

    side: Side
    items: int
    frames: float
    many: Sequence[Item]
    frames_of: Sequence[int]

    @property
    def few(self) -> Sequence[Item]:
        """The first of them, to separate the start of a job from its work."""
        return self.many[:FEW]

    def frames_between(self) -> int:
        """Frames that `many` has more than `few`."""
        return sum(self.frames_of[FEW:])


def draw_sample(part: ResolvedBenchmark, side: Side, seed: int = 0) -> Sample:
    """Lists one side of a benchmark and draws items that can be read.

    Raises:
        UserError: if its folder is missing, or too few of its files can be read.
    """
    spec = part.benchmark.source if side == "source" else part.benchmark.target
    if spec.generated and not Path(spec.root).is_dir():
        raise UserError(f"{spec.root}: not rendered yet: run snakemake --cores all data/demo/index.csv first")
    entries, _ = choose_entries(part.benchmark, side)
    order = np.random.default_rng([seed, side == "target"]).permutation(len(entries))
    names = list(part.benchmark.classes)
    many: list[Item] = []
    frames_of: list[int] = []
    counted: list[int] = []
    for number in order:
        if len(many) >= MANY and (side == "source" or len(counted) >= COUNTED_VIDEOS):
            break
        entry, label = entries[number]
        path = Path(spec.root, entry.id)
        try:
            frames = 1 if side == "source" else count_packets(path)
            if side == "source":
                read_image(path)
        except UserError:
            continue
        if side == "target" and frames < part.settings.decode.min_frames:
            continue
        counted.append(frames)
        if len(many) < MANY:
            name = names[label] if label >= 0 else ""
            many.append(Item(entry.id, str(path), name, label, file_digest(path)))
            frames_of.append(frames)
    if len(many) <= FEW:
        raise UserError(f"{spec.root}: {len(many)} files can be read, more than {FEW} are needed to measure anything")
    return Sample(side, len(entries), float(np.mean(counted)) * len(entries), many, frames_of)

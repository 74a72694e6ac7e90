"""Stage *synthesize*: turns photographs with depth into videos by 3D camera motion (paper section 3.1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from i2vadapt import stages
from i2vadapt.config.preprocessing import SynthesisSettings
from i2vadapt.data.failures import failure
from i2vadapt.data.image import read_image
from i2vadapt.data.items import Item, check_unchanged, digest_items, item_seed
from i2vadapt.data.shards.build import build_shard, make_provenance
from i2vadapt.data.shards.codec import encode_frame
from i2vadapt.data.shards.format import Encoded, Failed
from i2vadapt.data.shards.reader import ShardReader
from i2vadapt.errors import UserError
from i2vadapt.runtime.parallel import ordered_map
from i2vadapt.synthesis.clip import Estimate, steps_to_plain, synthesize_clip
from i2vadapt.synthesis.frame_size import frame_size


@dataclass(frozen=True)
class Photograph:
    """A unit of work: a photograph and the shard that contains its depth."""

    item: Item
    depth: ShardReader
    settings: SynthesisSettings
    seed: int

    @property
    def id(self) -> str:
        """The item's id."""
        return self.item.id


def _synthesize(work: Photograph, estimate: Estimate | None = None) -> Encoded | Failed:
    try:
        return _generate(work, estimate)
    except Exception as error:
        return failure(work.id, error, work.item.path)


def _generate(work: Photograph, estimate: Estimate | None) -> Encoded:
    item, settings = work.item, work.settings
    image = read_image(item.path)
    check_unchanged(item)
    frame_size(image.shape[0], image.shape[1], settings.rendered_side or settings.short_side, settings.aspect)
    inverse = work.depth.inverse_depth(item.id)
    if inverse.shape != image.shape[:2]:
        sizes = f"{image.shape[1]}x{image.shape[0]} pixels, but its depth has {inverse.shape[1]}x{inverse.shape[0]}"
        raise UserError(f"{item.path}: {sizes}; run the stages manifest and depth again")
    rng = np.random.default_rng(item_seed(work.seed, "synthesize", item.id))
    frames, steps = synthesize_clip(image, inverse, settings, rng, estimate)
    data = [encode_frame(frame, settings.codec, settings.quality) for frame in frames]
    info = {"height": frames.shape[1], "width": frames.shape[2], "fps": 25.0, **steps_to_plain(steps)}
    return Encoded(item.id, item.label, data, info)


def run_synthesis(
    items: Sequence[Item],
    depth: Path,
    out: Path,
    settings: SynthesisSettings,
    seed: int,
    workers: int,
    max_failed_share: float,
    estimate: tuple[Estimate, dict[str, str]] | None = None,
) -> None:
    """Builds one shard of generated videos.

    Args:
        items: photographs of the shard.
        depth: shard that contains their depth.
        out: shard to write.
        settings: settings of the stage.
        seed: random seed of the camera motions, combined with each item's id.
        workers: number of worker processes; only one if depth is re-estimated, since the network uses all cores.
        max_failed_share: share of failed items above which the stage fails.
        estimate: depth network and its identity; needed with depth "re-estimated".
    """
    reader = ShardReader(depth, "depth")
    inputs = {"depth": reader.digest, "items": digest_items(items)}
    process: Callable[[Photograph], Encoded | Failed] = _synthesize
    if settings.depth == "re-estimated":
        if estimate is None:
            raise ValueError("depth re-estimated needs a depth network")
        process, workers = partial(_synthesize, estimate=estimate[0]), 1
        inputs |= estimate[1]
    recorded: dict[str, Any] = {**settings.model_dump(mode="json"), "seed": seed}
    work = [Photograph(item, reader, settings, seed) for item in items if item.id in reader]
    build_shard(
        out,
        "frames",
        work,
        lambda photographs: ordered_map(process, photographs, workers),
        make_provenance("synthesize", stages.SYNTHESIZE.version, recorded, inputs),
        max_failed_share,
        unit="video",
    )

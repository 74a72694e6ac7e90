"""Stage *synthesize*: photographs with depth to videos by 3D camera motion (paper section 3.1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from i2vadapt import versions
from i2vadapt.config import SynthesisSettings
from i2vadapt.data.image import read_image, resize, size_with_short_side
from i2vadapt.data.items import Item, digest_items, item_seed
from i2vadapt.data.parallel import ordered_map
from i2vadapt.data.shard_build import build_shard, make_provenance
from i2vadapt.data.shards import Encoded, Failed, ShardReader, encode_frame
from i2vadapt.errors import UserError
from i2vadapt.synthesis.camera import intrinsics, inverse_depth_to_depth
from i2vadapt.synthesis.render import fill_holes, render_view_with_depth
from i2vadapt.synthesis.trajectory import random_walk

Estimate = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Photograph:
    """A unit of work: a photograph and the place of its depth."""

    item: Item
    depth: ShardReader
    settings: SynthesisSettings
    seed: int

    @property
    def id(self) -> str:
        """The item's id."""
        return self.item.id


def synthesize_clip(
    image: np.ndarray,
    inverse_depth: np.ndarray,
    settings: SynthesisSettings,
    rng: np.random.Generator,
    estimate: Estimate | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Generates a video from a photograph: each frame is the previous one seen after a small random camera motion.

    Args:
        image: (H,W,3) uint8.
        inverse_depth: (h,w) float in [0,1], larger is nearer; resized to the frames.
        settings: size, motion and depth settings.
        rng: source of the motion.
        estimate: gives the inverse depth, in [0,1], of a generated frame; needed with depth "re-estimated".

    Returns:
        frames (T,H',W',3) uint8, and the poses (T,4,4), each from the frame before.
    """
    height, width = size_with_short_side(image.shape[0], image.shape[1], settings.short_side, settings.aspect)
    view = resize(image, height, width)
    camera = intrinsics(height, width, settings.focal)
    poses = random_walk(
        rng, settings.frames, settings.translation, settings.rotation_degrees, rotation=settings.rotation
    )

    def to_depth(inverse: np.ndarray) -> np.ndarray:
        return inverse_depth_to_depth(
            resize(inverse.astype(np.float32), height, width), settings.depth_offset, settings.depth_far
        )

    depth = to_depth(inverse_depth)
    frames = []
    for pose in poses:
        view, mask, depth = render_view_with_depth(view, depth, pose, camera)
        view = fill_holes(view, mask)
        frames.append(view)
        if settings.depth == "re-estimated":
            if estimate is None:
                raise ValueError("depth re-estimated needs a depth network")
            depth = to_depth(estimate(view))
    return np.stack(frames), poses


def _synthesize(work: Photograph, estimate: Estimate | None = None) -> Encoded | Failed:
    item, settings = work.item, work.settings
    try:
        image = read_image(item.path)
    except UserError as error:
        return Failed(item.id, str(error))
    inverse = work.depth.frames(work.depth.index(item.id))[0].astype(np.float32) / 65535
    rng = np.random.default_rng(item_seed(work.seed, "synthesize", item.id))
    frames, poses = synthesize_clip(image, inverse, settings, rng, estimate)
    data = [encode_frame(frame, settings.codec, settings.quality) for frame in frames]
    info = {"height": frames.shape[1], "width": frames.shape[2], "fps": 25.0, "poses": np.round(poses, 9).tolist()}
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
    """Makes one shard of generated videos.

    Args:
        items: the photographs of the shard.
        depth: the shard of their depth.
        out: the shard to make.
        settings: how.
        seed: of the camera motions, together with each item's id.
        workers: processes; one when depth is re-estimated, since the network uses all cores by itself.
        max_failed_share: share of failed items that is accepted.
        estimate: depth network and what identifies it; needed with depth "re-estimated".
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
        make_provenance("synthesize", versions.SYNTHESIZE, recorded, inputs),
        max_failed_share,
        unit="video",
    )

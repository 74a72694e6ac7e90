"""Stage *flow*: TV-L1 of every consecutive pair of frames, in 8 bits."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from i2vadapt import versions
from i2vadapt.config import FlowSettings
from i2vadapt.data.flow_codec import encode_flow, quantise
from i2vadapt.data.parallel import ordered_map
from i2vadapt.data.shard_build import build_shard, make_provenance
from i2vadapt.data.shards import Encoded, Failed, ShardReader
from i2vadapt.errors import UserError
from i2vadapt.flow.tvl1 import to_grey, tvl1

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Clip:
    """A unit of work: an item of a shard of frames."""

    id: str
    frames: ShardReader
    settings: FlowSettings


def flow_of_frames(frames: np.ndarray, settings: FlowSettings) -> np.ndarray:
    """Flow of every consecutive pair.

    Args:
        frames: (T,H,W,3) uint8 RGB, T at least 2.
        settings: backend and TV-L1 settings.

    Returns:
        (T-1,H,W,2) float32 pixels a frame.
    """
    grey = to_grey(frames)
    return tvl1(grey[:-1], grey[1:], backend=settings.backend, **settings.tvl1.model_dump())


def _compute(clip: Clip) -> Encoded | Failed:
    reader, settings = clip.frames, clip.settings
    item = reader.index(clip.id)
    try:
        if reader.counts[item] < 2:
            raise UserError(f"{reader.counts[item]} frame, at least 2 are needed")
        flow = flow_of_frames(reader.frames(item), settings)
    except UserError as error:
        return Failed(clip.id, str(error))
    _, clipped = quantise(flow, settings.bound)
    data = [encode_flow(field, settings.bound, settings.quality) for field in flow]
    info = {
        "height": flow.shape[1],
        "width": flow.shape[2],
        "fps": reader.info[item].get("fps"),
        "clipped": round(float(clipped), 6),
        "mean": round(float(np.linalg.norm(flow, axis=-1).mean()), 4),
    }
    return Encoded(clip.id, int(reader.labels[item]), data, info)


def run_flow(frames: Path, out: Path, settings: FlowSettings, workers: int, max_failed_share: float) -> None:
    """Makes one shard of flow from one shard of frames."""
    reader = ShardReader(frames, "frames")
    started = time.monotonic()
    build_shard(
        out,
        "flow",
        [Clip(item_id, reader, settings) for item_id in reader.ids],
        lambda clips: ordered_map(_compute, clips, workers),
        make_provenance("flow", versions.FLOW, settings.model_dump(mode="json"), {"frames": reader.digest}),
        max_failed_share,
        unit="video",
    )
    seconds = time.monotonic() - started
    pairs = int(np.maximum(reader.counts - 1, 0).sum())
    _logger.info("flow: %d pairs in %.1f s, %.1f pairs/s", pairs, seconds, pairs / max(seconds, 1e-9))

"""Exact flow of generated videos, from the depth and the motion that they were made from (beyond the paper)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from i2vadapt import stages
from i2vadapt.config.parsing import parse
from i2vadapt.config.preprocessing import SynthesisSettings
from i2vadapt.data.shards.reader import ShardReader
from i2vadapt.errors import UserError
from i2vadapt.synthesis.clip import flow_of_clip, steps_from_plain


def is_generated(frames: ShardReader) -> bool:
    """Whether a shard of frames was made from photographs."""
    return frames.provenance["stage"] == "synthesize"


def open_depth(frames: ShardReader, path: Path | None) -> ShardReader:
    """Opens the depth from which a shard of generated frames was made.

    Raises:
        UserError: if it is the depth of other frames, or the exact flow is unknown because the depth was re-estimated
            for each frame or the frames were made by another version of the stage.
    """
    if path is None:
        raise UserError("flow: source geometric needs --depth, the shard of depth that the frames were made from")
    depth = ShardReader(path, "depth")
    if frames.provenance["inputs"]["depth"] != depth.digest:
        raise UserError(f"{path}: not the depth that {frames.path} was made from; run synthesize again")
    if frames.provenance["stage_version"] != stages.SYNTHESIZE.version:
        raise UserError(f"{frames.path}: made by another version of i2vadapt; run synthesize again")
    if _settings(frames).depth == "re-estimated":
        raise UserError(
            f"{frames.path}: synthesis.depth is re-estimated, so the depth of its frames is not stored;"
            " flow.source must be tvl1, or synthesis.depth carried"
        )
    return depth


def exact_flow(frames: ShardReader, depth: ShardReader, item_id: str) -> np.ndarray:
    """Flow of every consecutive pair of frames of a generated video; for its definition see `motion_field`.

    Returns:
        (T-1,H,W,2) float32, pixels per frame.
    """
    info = frames.info[frames.index(item_id)]
    inverse = depth.inverse_depth(item_id)
    return flow_of_clip(inverse, steps_from_plain(info), info["height"], info["width"], _settings(frames))


def _settings(frames: ShardReader) -> SynthesisSettings:
    recorded: dict[str, Any] = {key: value for key, value in frames.provenance["settings"].items() if key != "seed"}
    return parse(SynthesisSettings, recorded, str(frames.path))

"""What to set for some photographs and videos, and what to warn of."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from i2vadapt.config.preprocessing import DecodeSettings, FlowSettings, SynthesisSettings
from i2vadapt.config.recipes import video
from i2vadapt.data.exposure import MEAN
from i2vadapt.setup.draft import Draft, Items

Size = Literal["full", "small"]
"""Pictures and networks of the paper, or those that a processor can train in reasonable time."""

FEW = 20
"""Number of items of a class below which a warning says that they are few."""

_SYNTHESIS, _DECODE, _TRAIN = SynthesisSettings(), DecodeSettings(), video.Settings()
FULL_SIDE = _SYNTHESIS.short_side
"""Short side of frames where the settings say nothing, pixels."""
_SMALL_SIDE = 88
_DARK = MEAN / 2
# Bytes per pixel of what the stages store; frames and flow as docs/performance.md has them, depth of four photographs.
_FRAME_BYTES, _FLOW_BYTES, _DEPTH_BYTES = 0.41, 0.10, 1.4


def short_side(draft: Draft, size: Size) -> int:
    """Short side of the frames, pixels: the default, or less where that would only enlarge small pictures."""
    wanted = FULL_SIDE if size == "full" else _SMALL_SIDE
    found = min(draft.source.survey.short_side, draft.target.survey.short_side)
    needed = _TRAIN.crop if size == "full" else _SMALL_SIDE
    return wanted if found >= needed else max(found // 8 * 8, 40)


def crop_of(side: int) -> int:
    """Side of the crops from frames with a short side of `side` pixels, as 224 from 256."""
    return _TRAIN.crop if side == FULL_SIDE else max(side * 15 // 16 // 16 * 16, 32)


def is_dark(items: Items) -> bool:
    """Whether half of the videos are so dark that `decode.gain: auto` would at least double their brightness."""
    return items.survey.level < _DARK


def size_settings(side: int) -> dict[str, Any]:
    """Settings for frames with a short side of `side` pixels, without those of the training."""
    bound = FlowSettings().bound
    return {
        "synthesis": {"short_side": side},
        "decode": {"short_side": side},
        "flow": {"bound": max(round(bound * side / _DECODE.short_side), 2)},
    }


def training_settings(draft: Draft, size: Size) -> dict[str, Any]:
    """Settings of the training for the numbers of photographs and videos."""
    photographs = draft.source.number
    batch = 16 if photographs >= 480 else 12 if photographs >= 240 else 6
    capacity = min(max(round(0.4 * draft.videos_per_class), 4), video.BankSettings().capacity)
    settings: dict[str, Any] = {
        "epochs": 30 if size == "full" else 6,
        "batch_size": min(batch, draft.target.number),
        "learning_rate": 0.05 if batch == 16 else 0.02,
    }
    if size == "full":
        return {**settings, "bank": {"capacity": capacity}}
    few_steps = {"batch_norm_momentum": 0.1, "frozen": "MaxPool3d_5a_2x2", "test_frames": 16}
    return {**settings, **few_steps, "bank": {"capacity": capacity, "warmup_epochs": 2}}


def size_of_shards(draft: Draft, side: int) -> float:
    """Bytes that the shards will take, roughly.

    Args:
        draft: the benchmark.
        side: short side of the frames, pixels.
    """
    frames = _FRAME_BYTES + _FLOW_BYTES
    generated = draft.source.number * _SYNTHESIS.frames * side**2 * draft.source.survey.area
    real = draft.target.number * draft.target.survey.frames * side**2 * draft.target.survey.area
    depth = draft.source.number * draft.source.survey.pixels * _DEPTH_BYTES
    return frames * (generated + real) + depth


def warnings_of(draft: Draft, size: Size) -> Iterator[str]:
    """Lines about what may go wrong, or better."""
    yield from _few_items(draft)
    if not sum(draft.target.counts):
        yield "no video has a label: there will be predictions, but no accuracy"
    for items in (draft.source, draft.target):
        bad = items.survey.unreadable
        if bad:
            sampled = len(bad) + len(items.survey.looks)
            yield f"{len(bad)} of {sampled} files looked at cannot be used and will be left out, as {bad[0]}"
    yield from _short_videos(draft.target)
    if is_dark(draft.target):
        yield (
            f"dark videos: half of those looked at have a mean grey level below {draft.target.survey.level:.0f} of 255;"
            " the file sets decode.gain: auto, which brightens them"
        )
    found = {noun: items.survey.short_side for noun, items in (("photographs", draft.source), ("videos", draft.target))}
    for noun, side in found.items():
        if side < (_TRAIN.crop if size == "full" else _SMALL_SIDE):
            yield f"small {noun}: half of those looked at have a short side of at most {side} pixels; see the settings"
    needed, free = size_of_shards(draft, short_side(draft, size)), shutil.disk_usage(Path()).free
    if needed > free:
        yield f"the shards will take some {needed / 1e9:.1f} GB, but {free / 1e9:.1f} GB are free here"


def _few_items(draft: Draft) -> Iterator[str]:
    for items, noun in ((draft.source, "photographs"), (draft.target, "videos")):
        few = [f"{name} ({count})" for name, count in zip(draft.classes, items.counts, strict=True) if 0 < count < FEW]
        if few:
            yield f"few {noun}, below {FEW} in a class: {', '.join(few)}"
    unlabelled = [name for name, count in zip(draft.classes, draft.target.counts, strict=True) if not count]
    if unlabelled and sum(draft.target.counts):
        yield f"no labelled video, so no accuracy, of {', '.join(unlabelled)}"


def _short_videos(videos: Items) -> Iterator[str]:
    looks = videos.survey.looks
    unusable = sum(look.frames < _DECODE.min_frames for look in looks)
    short = sum(look.frames < _TRAIN.clip_frames for look in looks) - unusable
    if unusable:
        yield (
            f"{unusable} of {len(looks)} videos looked at have fewer than {_DECODE.min_frames} frames"
            " (decode.min_frames) and will be left out"
        )
    if short:
        yield (
            f"{short} of {len(looks)} videos looked at have fewer than {_TRAIN.clip_frames} frames"
            " (train.clip_frames): clips of them repeat frames"
        )

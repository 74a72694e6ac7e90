"""The settings of all stages, and the presets.

Preset ``default`` changes nothing: the defaults follow the paper, except for generated videos, where they are what
measured best. ``paper`` follows the paper to the letter, ``released`` the authors' code where it differs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import Field, model_validator

from i2vadapt.config.base import Section
from i2vadapt.config.parsing import parse
from i2vadapt.config.preprocessing import (
    CropSettings,
    DecodeSettings,
    DepthSettings,
    FlowSettings,
    SynthesisSettings,
)
from i2vadapt.config.recipes import video


class Settings(Section):
    """Settings of all stages."""

    depth: DepthSettings = Field(default_factory=DepthSettings, description="depth of photographs")
    synthesis: SynthesisSettings = Field(
        default_factory=SynthesisSettings, description="generation of videos from photographs"
    )
    crops: CropSettings = Field(
        default_factory=CropSettings, description="videos of crops of photographs, for runs with crops_by"
    )
    decode: DecodeSettings = Field(default_factory=DecodeSettings, description="decoding of target videos")
    flow: FlowSettings = Field(default_factory=FlowSettings, description="optical flow of all videos")
    train: video.Settings = Field(
        default_factory=video.Settings, description="settings that all runs of a benchmark share"
    )
    max_failed_share: float = Field(
        0.05, ge=0, le=1, description="largest accepted share of failed items in a shard, 0 to 1"
    )

    @model_validator(mode="after")
    def _exact_flow_needs_stored_depth(self) -> Settings:
        if self.flow.source == "geometric" and self.synthesis.depth == "re-estimated":
            raise ValueError("flow.source geometric needs synthesis.depth carried: re-estimated depth is not stored")
        return self


_VIDEOS_OF_THE_PAPER = {"trajectory": "random_walk", "rendering": "chained", "sharpen_depth": False}

PRESETS: Mapping[str, dict[str, Any]] = {
    "default": {},
    "paper": {"synthesis": _VIDEOS_OF_THE_PAPER},
    "released": {
        "synthesis": {
            **_VIDEOS_OF_THE_PAPER,
            "aspect": "square",
            "rotation": "axis_angle",
            "depth": "re-estimated",
            "chain_jpeg": True,
            "rendered_side": 384,
        },
        "decode": {"aspect": "square"},
        "train": {
            "bank": {"delay_epochs": 1, "window": "centre"},
            "pace": {"looping": "restart", "flow": "native", "other_streams": "statistics"},
            "clip_gradient": 1.0,
            "loss": "bce",
            "local_streams": ["rgb", "flow"],
            "frozen": "MaxPool3d_4a_3x3",
            "frozen_batch_norm": "train",
            "crops": "separate",
            "fusion": "mean_of_softmax",
        },
    },
}


def merge(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Merges nested mappings; later layers override earlier ones.

    A null replaces a whole section, and a section replaces a null.
    """
    result: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            old = result.get(key)
            if isinstance(value, Mapping) and isinstance(old, Mapping):
                result[key] = merge(old, value)
            elif isinstance(value, Mapping):
                result[key] = merge(value)
            else:
                result[key] = value
    return result


def resolve_settings(preset: str, layers: Iterable[Mapping[str, Any]], where: str) -> Settings:
    """Resolves the settings of a benchmark.

    Args:
        preset: name of the preset.
        layers: settings that override the preset, later ones overriding earlier ones.
        where: name of the documents, for messages.

    Raises:
        UserError: if there are mistakes; lists all of them.
    """
    return parse(Settings, merge(PRESETS[preset], *layers), where)

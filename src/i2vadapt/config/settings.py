"""All settings together, and the presets.

Preset ``default`` is the defaults as they stand: the paper's reading, but for generated videos, where what measured
best is the default. ``paper`` is the paper to the letter, ``released`` the authors' code where it differs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import Field, model_validator

from i2vadapt.config.base import Section
from i2vadapt.config.parsing import parse
from i2vadapt.config.preprocessing import DecodeSettings, DepthSettings, FlowSettings, SynthesisSettings
from i2vadapt.config.recipes import video


class Settings(Section):
    """All stages."""

    depth: DepthSettings = Field(default_factory=DepthSettings)
    synthesis: SynthesisSettings = Field(default_factory=SynthesisSettings)
    decode: DecodeSettings = Field(default_factory=DecodeSettings)
    flow: FlowSettings = Field(default_factory=FlowSettings)
    train: video.Settings = Field(default_factory=video.Settings, description="what the runs of a benchmark share")
    max_failed_share: float = Field(0.05, ge=0, le=1, description="share of failed items of a shard that is accepted")

    @model_validator(mode="after")
    def _exact_flow_needs_stored_depth(self) -> Settings:
        if self.flow.source == "geometric" and self.synthesis.depth == "re-estimated":
            raise ValueError("flow.source geometric needs synthesis.depth carried: depth anew is not stored")
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
    """Merges nested mappings; later layers win. A null replaces a whole section, and a section replaces a null."""
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
    """Settings of a benchmark: preset, then the given layers in order."""
    return parse(Settings, merge(PRESETS[preset], *layers), where)

"""Typed settings of every stage: the single source of defaults, bounds, documentation, schema and error messages."""

from i2vadapt.config.base import Range, Section, Stream
from i2vadapt.config.parsing import describe_errors, parse, parse_json, read_yaml
from i2vadapt.config.preprocessing import DecodeSettings, DepthSettings, FlowSettings, SynthesisSettings, Tvl1Settings
from i2vadapt.config.settings import PRESETS, Settings, merge, resolve_settings
from i2vadapt.config.training import (
    BankSettings,
    InitSettings,
    PaceSettings,
    ResNetSettings,
    SplitSettings,
    TrainSettings,
    TransferSettings,
)

__all__ = [
    "PRESETS",
    "BankSettings",
    "DecodeSettings",
    "DepthSettings",
    "FlowSettings",
    "InitSettings",
    "PaceSettings",
    "Range",
    "ResNetSettings",
    "Section",
    "Settings",
    "SplitSettings",
    "Stream",
    "SynthesisSettings",
    "TrainSettings",
    "TransferSettings",
    "Tvl1Settings",
    "describe_errors",
    "merge",
    "parse",
    "parse_json",
    "read_yaml",
    "resolve_settings",
]

"""The presets: every difference between the paper and the released code is a setting that they set."""

from __future__ import annotations

from typing import Any

from i2vadapt.config.settings import resolve_settings

# Settings that differ between the presets, with their values in `paper` and `released`.
DIFFERENCES: dict[str, tuple[Any, Any]] = {
    "synthesis.aspect": ("keep", "square"),
    "synthesis.rotation": ("euler", "axis_angle"),
    "synthesis.depth": ("carried", "re-estimated"),
    "synthesis.chain_jpeg": (False, True),
    "synthesis.rendered_side": (None, 384),
    "decode.aspect": ("keep", "square"),
    "train.bank.delay_epochs": (0, 1),
    "train.bank.window": ("random", "centre"),
    "train.pace.looping": ("modulo", "restart"),
    "train.pace.flow": ("matched", "native"),
    "train.pace.other_streams": ("skip", "statistics"),
    "train.clip_gradient": (None, 1.0),
    "train.loss": ("ce", "bce"),
    "train.local_streams": (["rgb"], ["rgb", "flow"]),
    "train.frozen": ("Conv3d_2c_3x3", "MaxPool3d_4a_3x3"),
    "train.frozen_batch_norm": ("eval", "train"),
    "train.crops": ("shared", "separate"),
    "train.fusion": ("softmax_of_mean", "mean_of_softmax"),
}


def flat(document: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in document.items():
        result |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return result


def test_the_two_readings_differ_in_these_settings_and_no_others() -> None:
    paper, released = (
        flat(resolve_settings(preset, (), "test").model_dump(mode="json")) for preset in ("paper", "released")
    )
    assert {key: (paper[key], released[key]) for key in paper if paper[key] != released[key]} == DIFFERENCES


def test_what_both_readings_have_in_common() -> None:
    for preset in ("paper", "released"):
        settings = resolve_settings(preset, (), "test")
        train = settings.train
        assert (settings.synthesis.frames, train.clip_frames, train.test_frames) == (16, 16, 32)
        assert (settings.synthesis.translation, settings.synthesis.rotation_degrees) == ((0.01, 0.02), (1.0, 2.0))
        assert (settings.synthesis.trajectory, settings.synthesis.rendering) == ("random_walk", "chained")
        assert settings.depth.model == "dpt_beit_large_512"
        assert train.pace is not None
        assert (train.pace.classes, train.pace.streams) == (5, ("rgb",))
        assert train.bank is not None
        assert (train.bank.capacity, train.bank.warmup_epochs, train.bank.strategy) == (60, 10, "random")
        assert (train.momentum, train.weight_decay, train.decay, train.temporal_stride) == (0.9, 1e-4, 0.1, 1)

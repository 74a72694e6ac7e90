"""Typed settings of every stage: the single source of defaults, bounds, documentation, JSON schema and error messages.

Defaults are the paper's reading (preset ``paper``); ``PRESETS`` lists what the authors' released code does otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from i2vadapt.errors import UserError

Model = TypeVar("Model", bound=BaseModel)
Stream = Literal["rgb", "flow"]
Range = Annotated[tuple[float, float], Field(description="lowest and highest value")]


class Section(BaseModel):
    """Base of all sections: unknown keys are errors, values are not silently converted to another kind."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class DepthSettings(Section):
    """Depth of photographs (paper section 4.2: MiDaS, BEiT-Large-512)."""

    model: str = Field("dpt_beit_large_512", description="network, a name of i2vadapt.depth")
    checkpoint: str | None = Field(None, description="its weights; none for the networks that ship with the package")


class SynthesisSettings(Section):
    """A photograph becomes a video by 3D camera motion (paper section 3.1, Eq. 1)."""

    frames: int = Field(16, ge=2, le=256, description="frames of a generated video")
    short_side: int = Field(256, ge=16, le=2048, description="short side of the generated frames, pixels")
    aspect: Literal["keep", "square"] = Field("keep", description="square squeezes, as the released code does")
    translation: Range = Field((0.01, 0.02), description="size of the shift along each axis in a step, depth units")
    rotation_degrees: Range = Field((1.0, 2.0), description="size of the rotation about each axis in a step")
    rotation: Literal["axis_angle", "euler"] = Field("euler", description="how the three angles are read")
    depth: Literal["carried", "re-estimated"] = Field("carried", description="depth of the frames after the first")
    focal: float = Field(0.58, gt=0, le=10, description="focal length over image size, both axes")
    depth_offset: float = Field(0.005, gt=0, le=1, description="depth = 1 / (inverse depth in [0, 1] + offset)")
    depth_far: float = Field(100.0, gt=1, description="depths beyond are clipped")
    quality: int = Field(95, ge=1, le=100, description="JPEG quality of stored frames")

    @model_validator(mode="after")
    def _ranges_in_order(self) -> SynthesisSettings:
        for name in ("translation", "rotation_degrees"):
            low, high = getattr(self, name)
            if not 0 <= low <= high:
                raise ValueError(f"{name} must be two numbers 0 <= lowest <= highest, not [{low}, {high}]")
        return self


class DecodeSettings(Section):
    """Target videos to frames."""

    short_side: int = Field(256, ge=16, le=2048, description="short side of the decoded frames, pixels")
    aspect: Literal["keep", "square"] = Field("keep", description="square squeezes, as the released code does")
    min_frames: int = Field(2, ge=2, description="videos with fewer frames that decode are left out")
    quality: int = Field(95, ge=1, le=100, description="JPEG quality of stored frames")


class Tvl1Settings(Section):
    """TV-L1 (Zach et al. 2007), names of the literature, defaults of OpenCV's DualTVL1OpticalFlow."""

    tau: float = Field(0.25, gt=0, le=1, description="time step of the dual scheme")
    lambda_: float = Field(0.15, gt=0, le=10, description="weight of the data term; smaller is smoother")
    theta: float = Field(0.3, gt=0, le=10, description="tightness between the two halves of the problem")
    n_scales: int = Field(5, ge=1, le=20, description="levels of the pyramid")
    scale_step: float = Field(0.8, gt=0.1, lt=1, description="size of a level over the one below")
    n_warps: int = Field(5, ge=1, le=50, description="warpings a level")
    epsilon: float = Field(0.01, gt=0, le=1, description="stop when the mean change falls below, pixels")
    inner_iterations: int = Field(30, ge=1, le=1000, description="iterations between two median filterings")
    outer_iterations: int = Field(10, ge=1, le=1000, description="rounds of inner iterations")
    median_filter: Literal[1, 3, 5] = Field(5, description="size of the median filter of the flow; 1 is none")


class FlowSettings(Section):
    """Optical flow of every consecutive pair of frames, stored in 8 bits."""

    backend: Literal["auto", "opencv", "numba", "torch"] = Field("auto", description="implementation of TV-L1")
    bound: float = Field(20.0, gt=0, le=1000, description="u and v are clipped to plus and minus this many pixels")
    quality: int = Field(95, ge=1, le=100, description="JPEG quality of stored flow")
    tvl1: Tvl1Settings = Field(default_factory=Tvl1Settings)


class PaceSettings(Section):
    """Video pace prediction (paper section 3.3)."""

    classes: int = Field(5, ge=2, le=16, description="paces 1..classes, C_vp")
    weight: float = Field(0.2, ge=0, description="lambda_2 of Eq. 6")
    looping: Literal["modulo", "restart"] = Field("modulo", description="what follows the last frame")


class BankSettings(Section):
    """Category-aware flow memory bank (paper section 3.2)."""

    capacity: int = Field(60, ge=1, description="N, flows kept per category")
    warmup_epochs: int = Field(10, ge=1, description="epochs with the source videos' own flow")
    delay_epochs: int = Field(0, ge=0, description="epochs between the warm-up and the first use of the bank")


class InitSettings(Section):
    """Weights that the streams start from."""

    rgb: str | None = Field(
        "resources/i3d-kinetics400-rgb.safetensors", description="I3D weights of the RGB stream; null is random"
    )
    flow: str | None = Field(
        None, description="I3D weights of the flow stream; null averages the RGB stream's first kernels over colour"
    )


class TrainSettings(Section):
    """Two-stream I3D (paper sections 3 and 4.2)."""

    streams: tuple[Stream, ...] = Field(("rgb", "flow"), min_length=1, description="networks that are trained")
    bank: BankSettings | None = Field(default_factory=BankSettings, description="null trains without the memory bank")
    pace: PaceSettings | None = Field(default_factory=PaceSettings, description="null trains without pace prediction")
    init: InitSettings = Field(default_factory=InitSettings)
    epochs: int = Field(60, ge=1)
    batch_size: int = Field(16, ge=1, description="videos of each domain in a step")
    learning_rate: float = Field(0.05, gt=0)
    milestones: tuple[float, ...] = Field((1 / 2, 2 / 3), description="shares of the epochs after which the rate drops")
    decay: float = Field(0.1, gt=0, le=1, description="factor of a drop")
    momentum: float = Field(0.9, ge=0, lt=1)
    weight_decay: float = Field(1e-4, ge=0)
    clip_gradient: float | None = Field(None, gt=0, description="bound of every element of the gradient")
    loss: Literal["ce", "bce"] = Field("ce", description="softmax cross-entropy or sigmoid on one-hot labels")
    local_streams: tuple[Stream, ...] = Field(("rgb",), description="streams with the local (frame-level) loss, Eq. 2")
    local_weight: float = Field(1.0, ge=0, description="lambda_1 of Eq. 6")
    frozen: Literal["none", "Conv3d_2c_3x3", "MaxPool3d_4a_3x3"] = Field(
        "Conv3d_2c_3x3", description="layers up to and including this one keep their weights"
    )
    frozen_batch_norm: Literal["eval", "train"] = Field("eval", description="train lets running statistics move")
    batch_norm_momentum: float = Field(0.01, gt=0, le=1, description="weight of a new batch in running statistics")
    temporal_stride: Literal[1, 2] = Field(1, description="of the last two poolings; 1 follows ST-I2V, 2 the original")
    dropout: float = Field(0.5, ge=0, lt=1)
    crop: int = Field(224, ge=32, description="side of the square given to the networks, pixels")
    crops: Literal["shared", "separate"] = Field("shared", description="one crop and flip for RGB and flow, or two")
    clip_frames: int = Field(16, ge=8, description="frames of a training clip")
    test_frames: int = Field(32, ge=8, description="frames sampled from a video for evaluation")
    fusion: Literal["softmax_of_mean", "mean_of_softmax"] = Field(
        "softmax_of_mean", description="late fusion: softmax of the mean logits, or mean of the frames' softmax"
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field("auto", description="auto: bfloat16 where it is fast")
    evaluate_every: int = Field(1, ge=1, description="epochs between evaluations while the bank is not in use")

    @model_validator(mode="after")
    def _parts_have_their_streams(self) -> TrainSettings:
        if self.bank is not None and "flow" not in self.streams:
            raise ValueError("bank must be null when streams has no flow")
        if self.pace is not None and "rgb" not in self.streams:
            raise ValueError("pace must be null when streams has no rgb: paces are told from RGB frames")
        return self


class Settings(Section):
    """All stages."""

    depth: DepthSettings = Field(default_factory=DepthSettings)
    synthesis: SynthesisSettings = Field(default_factory=SynthesisSettings)
    decode: DecodeSettings = Field(default_factory=DecodeSettings)
    flow: FlowSettings = Field(default_factory=FlowSettings)
    train: TrainSettings = Field(default_factory=TrainSettings)
    max_failed_share: float = Field(0.05, ge=0, le=1, description="share of failed items of a shard that is accepted")


PRESETS: Mapping[str, dict[str, Any]] = {
    "paper": {},
    "released": {
        "synthesis": {"aspect": "square", "rotation": "axis_angle", "depth": "re-estimated"},
        "decode": {"aspect": "square"},
        "train": {
            "bank": {"delay_epochs": 1},
            "pace": {"looping": "restart"},
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


def describe_errors(error: ValidationError, where: str, limit: int = 20) -> str:
    """All mistakes of one settings document, one line each: key, what is wrong, the value."""
    lines = []
    for detail in error.errors()[:limit]:
        key = ".".join(str(part) for part in detail["loc"]) or "the document"
        if detail["type"] == "extra_forbidden":
            lines.append(f"{where}: {key}: no such key")
        elif detail["type"] == "missing":
            lines.append(f"{where}: {key}: this key is needed")
        else:
            message = detail["msg"].removeprefix("Value error, ")
            message = message[0].lower() + message[1:]
            shown = repr(detail["input"])
            lines.append(f"{where}: {key}: {message}" + (f", not {shown}" if len(shown) < 100 else ""))
    return "\n".join(lines)


def parse(model: type[Model], data: Any, where: str) -> Model:
    """Builds a settings model.

    Args:
        model: the pydantic model.
        data: plain data, as read from YAML or JSON.
        where: name of the document, for messages.

    Raises:
        UserError: with every mistake at once, one line each.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise UserError(describe_errors(error, where)) from None


def parse_json(model: type[Model], text: str, where: str) -> Model:
    """Like `parse`, from a JSON object; an empty text gives the defaults."""
    try:
        data = json.loads(text or "{}")
    except json.JSONDecodeError as error:
        raise UserError(f"{where}: not a JSON object: {error}") from None
    return parse(model, data, where)


def read_yaml(path: Path) -> dict[str, Any]:
    """Reads a YAML mapping.

    Raises:
        UserError: if the file is missing, is not YAML, or is not a mapping.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise UserError(f"{path}: must hold keys and values, not a {type(data).__name__}")
    return data


def resolve_settings(preset: str, layers: Iterable[Mapping[str, Any]], where: str) -> Settings:
    """Settings of a benchmark: preset, then the given layers in order."""
    return parse(Settings, merge(PRESETS[preset], *layers), where)

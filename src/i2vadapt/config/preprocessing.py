"""Settings of depth, synthesis, decoding and flow."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from i2vadapt.config.base import Range, Section

Codec = Literal["jpeg", "raw"]
DepthModelName = Literal[
    "dpt_beit_large_512",
    "dpt_beit_large_384",
    "dpt_beit_base_384",
    "dpt_large_384",
    "dpt_swin2_tiny_256",
    "depth_anything_v2_small",
    "depth_anything_v2_base",
    "depth_anything_v2_large",
    "dpt_small",
]


class DepthSettings(Section):
    """Depth of photographs (paper section 4.2: MiDaS, BEiT-Large-512)."""

    model: DepthModelName = Field("dpt_beit_large_512", description="network; dpt_small comes with the package")
    checkpoint: str | None = Field(None, description="a file of its weights; null downloads the published one")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="of convolutions and attention; auto is bfloat16 where the device is fast in it"
    )


class MotionRange(Section):
    """How far things move from a frame to the next."""

    translation: Range = Field((0.01, 0.02), description="size of the shift along each axis in a step, depth units")
    rotation_degrees: Range = Field((1.0, 2.0), description="size of the rotation about each axis in a step")

    @model_validator(mode="after")
    def _ranges_in_order(self) -> MotionRange:
        for name in ("translation", "rotation_degrees"):
            low, high = getattr(self, name)
            if not 0 <= low <= high:
                raise ValueError(f"{name} must be two numbers 0 <= lowest <= highest, not [{low}, {high}]")
        return self


class ActorSettings(MotionRange):
    """The nearest connected layer moves by itself, about its own middle; by half as much as the camera."""

    translation: Range = Field((0.005, 0.01), description="size of the shift along each axis in a step, depth units")
    rotation_degrees: Range = Field((0.5, 1.0), description="size of the rotation about each axis in a step")


class SynthesisSettings(MotionRange):
    """A photograph becomes a video by 3D camera motion (paper section 3.1, Eq. 1)."""

    frames: int = Field(16, ge=2, le=256, description="frames of a generated video")
    short_side: int = Field(256, ge=16, le=2048, description="short side of the generated frames, pixels")
    aspect: Literal["keep", "square"] = Field("keep", description="square squeezes, as the released code does")
    rendered_side: int | None = Field(
        None, ge=16, le=2048, description="short side while rendering, if frames are to be resized afterwards"
    )
    trajectory: Literal["random_walk", "smooth"] = Field(
        "smooth", description="independent steps, or a smooth path of the same range"
    )
    rotation: Literal["axis_angle", "euler"] = Field("euler", description="how the three angles are read")
    rendering: Literal["direct", "chained"] = Field(
        "direct", description="frames from the photograph, or each from the last"
    )
    depth: Literal["carried", "re-estimated"] = Field("carried", description="depth of the frames of a chain")
    chain_jpeg: bool = Field(False, description="frames of a chain pass through a JPEG each, as the released code does")
    sharpen_depth: bool = Field(True, description="make depth edges sharp before warping")
    actor: ActorSettings | None = Field(None, description="motion of the nearest object on top of the camera's")
    focal: float = Field(0.58, gt=0, le=10, description="focal length over image size, both axes")
    depth_offset: float = Field(0.005, gt=0, le=1, description="depth = 1 / (inverse depth in [0, 1] + offset)")
    depth_far: float = Field(100.0, gt=1, description="depths beyond are clipped")
    codec: Codec = Field("jpeg", description="of stored frames; raw reads faster and is many times larger")
    quality: int = Field(95, ge=1, le=100, description="JPEG quality of stored frames")

    @model_validator(mode="after")
    def _of_a_chain(self) -> SynthesisSettings:
        if self.depth == "re-estimated" and self.rendering != "chained":
            raise ValueError("depth re-estimated needs rendering chained: direct frames use the photograph's own depth")
        if self.chain_jpeg and self.rendering != "chained":
            raise ValueError("chain_jpeg needs rendering chained: direct frames are not made from each other")
        return self


class DecodeSettings(Section):
    """Target videos to frames."""

    short_side: int = Field(256, ge=16, le=2048, description="short side of the decoded frames, pixels")
    aspect: Literal["keep", "square"] = Field("keep", description="square squeezes, as the released code does")
    gain: Annotated[float, Field(gt=0, le=100)] | Literal["auto"] = Field(
        1.0, description="factor of the brightness, for dark videos; auto finds one for each video"
    )
    min_frames: int = Field(2, ge=2, description="videos with fewer frames that decode are left out")
    codec: Codec = Field("jpeg", description="of stored frames; raw reads faster and is many times larger")
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

    source: Literal["tvl1", "geometric"] = Field(
        "tvl1", description="flow of generated videos: estimated as for real ones, or exact, from depth and motion"
    )
    backend: Literal["auto", "opencv", "numba", "torch"] = Field("auto", description="implementation of TV-L1")
    bound: float = Field(20.0, gt=0, le=1000, description="u and v are clipped to plus and minus this many pixels")
    codec: Codec = Field("jpeg", description="of stored flow; raw reads faster and is many times larger")
    quality: int = Field(95, ge=1, le=100, description="JPEG quality of stored flow")
    tvl1: Tvl1Settings = Field(default_factory=Tvl1Settings)

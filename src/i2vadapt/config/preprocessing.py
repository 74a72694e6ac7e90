"""Settings of the stages depth, synthesize, crop, decode and flow."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from i2vadapt.config.base import Range, Section
from i2vadapt.config.paths import FilePath

Codec = Literal["jpeg", "raw"]
Rotation = Literal["axis_angle", "euler"]
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

    model: DepthModelName = Field(
        "dpt_beit_large_512",
        description="network; dpt_small comes with the package",
        json_schema_extra={"paper": "section 4.2"},
    )
    checkpoint: FilePath | None = Field(
        None, description="file with the network's weights; null uses the published one"
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="data type of convolutions and attention; auto: bfloat16 where the device is fast in it"
    )


class MotionRange(Section):
    """Range of the motion from one frame to the next."""

    translation: Range = Field(
        (0.01, 0.02),
        description="translation along each axis per step, in units of depth",
        json_schema_extra={"paper": "section 4.2: coefficient 0.01"},
    )
    rotation_degrees: Range = Field(
        (1.0, 2.0),
        description="rotation about each axis per step, degrees",
        json_schema_extra={"paper": "section 3.1, without a value"},
    )

    @model_validator(mode="after")
    def _ranges_in_order(self) -> MotionRange:
        for name in ("translation", "rotation_degrees"):
            low, high = getattr(self, name)
            if not 0 <= low <= high:
                raise ValueError(f"{name} must be two numbers 0 <= lowest <= highest, not [{low}, {high}]")
        return self


class ActorSettings(MotionRange):
    """Motion of the nearest connected layer about its own centre; by default half as large as the camera's."""

    translation: Range = Field((0.005, 0.01), description="translation along each axis per step, in units of depth")
    rotation_degrees: Range = Field((0.5, 1.0), description="rotation about each axis per step, degrees")


class SynthesisSettings(MotionRange):
    """Generation of a video from a photograph by 3D camera motion (paper section 3.1, Eq. 1)."""

    frames: int = Field(
        16,
        ge=2,
        le=256,
        description="number of frames of a generated video",
        json_schema_extra={"paper": "section 4.2"},
    )
    short_side: int = Field(256, ge=16, le=2048, description="short side of the generated frames, pixels")
    aspect: Literal["keep", "square"] = Field(
        "keep", description="aspect ratio of the frames; square squeezes them, as in the released code"
    )
    rendered_side: int | None = Field(
        None, ge=16, le=2048, description="short side during rendering, pixels; null renders at short_side"
    )
    trajectory: Literal["random_walk", "smooth"] = Field(
        "smooth",
        description="camera path: independent steps, or a smooth path of the same range",
        json_schema_extra={"paper": "section 3.1: random"},
    )
    rotation: Rotation = Field(
        "euler",
        description="interpretation of the three angles: one rotation vector, or rotations about x, y, z",
        json_schema_extra={"paper": "section 3.1: Euler angles"},
    )
    rendering: Literal["direct", "chained"] = Field(
        "direct",
        description="source of each frame: the photograph, or the frame before",
        json_schema_extra={"paper": "section 3.1: the frame before"},
    )
    depth: Literal["carried", "re-estimated"] = Field(
        "carried", description="depth of chained frames: warped along with them, or estimated again for each"
    )
    chain_jpeg: bool = Field(False, description="compress each chained frame to JPEG, as in the released code")
    sharpen_depth: bool = Field(True, description="sharpen depth edges before warping")
    actor: ActorSettings | None = Field(
        None, description="motion of the nearest object in addition to the camera's; null: none"
    )
    focal: float = Field(
        0.58,
        gt=0,
        le=10,
        description="focal length relative to the image size, for both axes",
        json_schema_extra={"paper": "Eq. 1: matrix M, without a value"},
    )
    depth_offset: float = Field(
        0.005, gt=0, le=1, description="offset in depth = 1 / (inverse depth in [0, 1] + offset)"
    )
    depth_far: float = Field(100.0, gt=1, description="largest depth; larger ones are clipped to it")
    codec: Codec = Field("jpeg", description="codec of stored frames; raw reads faster but is many times larger")
    quality: int = Field(95, ge=1, le=100, description="JPEG quality of stored frames")

    @model_validator(mode="after")
    def _chain_settings_need_a_chain(self) -> SynthesisSettings:
        if self.depth == "re-estimated" and self.rendering != "chained":
            raise ValueError("depth re-estimated needs rendering chained: direct frames use the photograph's depth")
        if self.chain_jpeg and self.rendering != "chained":
            raise ValueError("chain_jpeg needs rendering chained: direct frames are not made from each other")
        return self


class CropSettings(Section):
    """Generation of a video from a photograph by 2D crops around the object that a classifier looks at (ST-I2V)."""

    frames: int = Field(16, ge=3, le=256, description="number of frames of a generated video")
    short_side: int = Field(256, ge=16, le=2048, description="short side of the generated frames, pixels")
    aspect: Literal["keep", "square"] = Field(
        "keep", description="aspect ratio of the frames; square squeezes them, as in the released code"
    )
    placement: Literal["start", "middle"] = Field(
        "start", description="place of the whole photograph: the first frame, or the middle one"
    )
    path: Literal["independent", "smooth"] = Field(
        "independent",
        description="frames between: random regions drawn for each, or a path through two of them",
        json_schema_extra={"paper": "section 1: random regions"},
    )
    attention: Literal["grad_cam", "random", "none"] = Field(
        "grad_cam",
        description="object to crop around: found by Grad-CAM, a random box in its place, or none, which leaves the"
        " whole photograph in every frame",
        json_schema_extra={"paper": "section 4.3: Grad-CAM"},
    )
    threshold: float = Field(
        0.15, gt=0, lt=1, description="share of the map's maximum from which a pixel belongs to the object"
    )
    largest_object: float = Field(
        0.6,
        gt=0,
        le=1,
        description="sides of the largest object as shares of the photograph's sides; where it is larger, the threshold"
        " is raised until it is not",
    )
    smallest_side: float = Field(
        0.4, gt=0, le=1, description="sides of the smallest crop as shares of the photograph's sides"
    )
    codec: Codec = Field("jpeg", description="codec of stored frames; raw reads faster but is many times larger")
    quality: int = Field(95, ge=1, le=100, description="JPEG quality of stored frames")


class DecodeSettings(Section):
    """Decoding of target videos to frames."""

    short_side: int = Field(256, ge=16, le=2048, description="short side of the decoded frames, pixels")
    aspect: Literal["keep", "square"] = Field(
        "keep", description="aspect ratio of the frames; square squeezes them, as in the released code"
    )
    gain: Annotated[float, Field(gt=0, le=100)] | Literal["auto"] = Field(
        1.0, description="brightness factor, for dark videos; auto chooses one for each video"
    )
    min_frames: int = Field(2, ge=2, description="videos of which fewer frames decode are excluded")
    codec: Codec = Field("jpeg", description="codec of stored frames; raw reads faster but is many times larger")
    quality: int = Field(95, ge=1, le=100, description="JPEG quality of stored frames")


class Tvl1Settings(Section):
    """TV-L1 (Zach et al. 2007); names as in the literature, defaults as in OpenCV's DualTVL1OpticalFlow."""

    tau: float = Field(0.25, gt=0, le=1, description="time step of the dual scheme")
    lambda_: float = Field(0.15, gt=0, le=10, description="weight of the data term; smaller is smoother")
    theta: float = Field(0.3, gt=0, le=10, description="tightness of the coupling between the two subproblems")
    n_scales: int = Field(5, ge=1, le=20, description="largest number of pyramid levels")
    scale_step: float = Field(0.8, gt=0.1, lt=1, description="ratio of the sizes of a level and the next finer one")
    n_warps: int = Field(5, ge=1, le=50, description="number of warps per level")
    epsilon: float = Field(0.01, gt=0, le=1, description="threshold of the mean change at which to stop, pixels")
    inner_iterations: int = Field(30, ge=1, le=1000, description="iterations between two passes of the median filter")
    outer_iterations: int = Field(10, ge=1, le=1000, description="rounds of inner iterations")
    median_filter: Literal[1, 3, 5] = Field(5, description="size of the median filter for the flow; 1 disables it")


class FlowSettings(Section):
    """Optical flow of every consecutive pair of frames, stored in 8 bits."""

    source: Literal["tvl1", "geometric"] = Field(
        "tvl1",
        description="flow of generated videos: estimated as for real ones, or exact, from depth and motion",
        json_schema_extra={"paper": "section 3.1: TV-L1 for all videos"},
    )
    backend: Literal["auto", "opencv", "numba", "torch", "cuda"] = Field(
        "auto", description="implementation of TV-L1; auto: the fastest that this machine can run"
    )
    bound: float = Field(20.0, gt=0, le=1000, description="bound to whose plus and minus u and v are clipped, pixels")
    codec: Codec = Field("jpeg", description="codec of stored flow; raw reads faster but is many times larger")
    quality: int = Field(95, ge=1, le=100, description="JPEG quality of stored flow")
    tvl1: Tvl1Settings = Field(default_factory=Tvl1Settings)

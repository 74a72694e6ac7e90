"""Settings of the networks that a run can train; importing them needs no PyTorch."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from i2vadapt.config.base import Section

NetworkName = Literal["i3d", "clip_vit_b32", "resnet18", "resnet50"]
FRAME_NETWORKS: tuple[NetworkName, ...] = ("clip_vit_b32", "resnet18", "resnet50")
"""Networks that look at single frames."""


class InitSettings(Section):
    """I3D weights that training starts from."""

    rgb: str | None = Field(
        "weights/i3d-kinetics400-rgb.safetensors", description="I3D weights of an RGB run; null is random"
    )
    flow: str | None = Field(
        None, description="I3D weights of a flow run; null averages the first kernels of the RGB weights over colour"
    )


class ResNetSettings(Section):
    """A ResNet over single frames, for the image-only lower bound, SO (Img) of Table 1."""

    weights: str | None = Field(None, description="ImageNet weights, a file of torchvision or timm; null is random")


class ClipSettings(Section):
    """CLIP ViT-B/32 over single frames (paper section 4.5): the image tower is trained, the text tower is not."""

    weights: str | None = Field(
        "weights/clip-vit-b32.pt", description="file of OpenAI or open_clip; null is random, for tests"
    )
    quick_gelu: bool = Field(True, description="activation: true for OpenAI's weights, false for LAION's")
    prompt: str = Field("a video of a person {}.", pattern=r"\{\}", description="text of a class, {} is its name")
    learning_rate: float = Field(5e-5, gt=0, description="rate of the image tower; it drops at the same milestones")

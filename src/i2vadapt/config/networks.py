"""Settings of the networks that a run can train; importing this module does not import PyTorch."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from i2vadapt.config.base import Section
from i2vadapt.config.paths import FilePath

NetworkName = Literal[
    "i3d", "i3d_frames", "clip_vit_b32", "resnet18", "resnet50", "mvit_v2_s", "swin3d_t", "s3d", "r2plus1d_18"
]  # fmt: skip
FRAME_NETWORKS: tuple[NetworkName, ...] = ("i3d_frames", "clip_vit_b32", "resnet18", "resnet50")
"""Networks that look at each frame by itself."""
TORCHVISION_NETWORKS: tuple[NetworkName, ...] = ("mvit_v2_s", "swin3d_t", "s3d", "r2plus1d_18")
"""Networks of clips, for both streams, that torchvision defines."""
TORCHVISION_WEIGHTS = "weights/{}-kinetics400.pth"
"""File in which the weights of one of them are stored; {} stands for its name."""


class InitSettings(Section):
    """Initial weights of I3D."""

    rgb: FilePath | None = Field(
        "weights/i3d-kinetics400-rgb.safetensors",
        description="file with the I3D weights from which an RGB run starts; null: random weights",
        json_schema_extra={"paper": "section 4.2: Kinetics"},
    )
    flow: FilePath | None = Field(
        None,
        description="file with the I3D weights from which a flow run starts; null: the RGB weights, with the first"
        " kernels averaged over the colours",
        json_schema_extra={"paper": "section 4.2: Kinetics, for both branches"},
    )


class ResNetSettings(Section):
    """ResNet on single frames, for the image-level methods of Table 1."""

    weights: FilePath | None = Field(
        None, description="file of torchvision or timm with ImageNet weights; null: random weights"
    )
    trained: Literal["all", "layer4"] = Field(
        "all", description="layers of the backbone that are trained; those before layer4 may keep their weights"
    )


class ClipSettings(Section):
    """CLIP ViT-B/32 on single frames (paper section 4.5): the image tower is trained, the text tower is not."""

    weights: FilePath | None = Field(
        "weights/clip-vit-b32.pt",
        description="file of OpenAI or open_clip with CLIP weights; null: random, for tests",
        json_schema_extra={"paper": "section 4.5"},
    )
    quick_gelu: bool = Field(
        True, description="activation: the approximate GELU of OpenAI's weights (true), or the exact one of LAION's"
    )
    prompt: str = Field(
        "a video of a person {}.",
        pattern=r"\{\}",
        description="text that describes a class; {} is the class name",
        json_schema_extra={"paper": "section 4.5"},
    )
    learning_rate: float = Field(
        5e-5,
        gt=0,
        description="learning rate of the image tower; it drops at the general milestones",
        json_schema_extra={"paper": "section 4.5"},
    )


class TorchvisionSettings(Section):
    """Torchvision's networks of clips, in both streams; all of their layers are trained."""

    weights: FilePath | None = Field(
        TORCHVISION_WEIGHTS,
        description="file of torchvision with Kinetics-400 weights, where {} stands for the name of the network; a flow"
        " run averages the first kernels over the colours; null: random weights",
    )

"""Specification of each depth network: architecture, input size, normalisation, and where its weights come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from i2vadapt.errors import UserError

ResizeMethod = Literal["minimal", "upper_bound", "lower_bound"]
_RELEASES = "https://github.com/isl-org/MiDaS/releases/download"
_HUB = "https://huggingface.co/depth-anything"
_VIT_LARGE_TAPS = (5, 11, 17, 23)


@dataclass(frozen=True)
class DepthModelSpec:
    """One depth network.

    Attributes:
        name: name in the settings.
        family: kind of backbone.
        backbone: timm's name for the backbone.
        channels: channels of the four maps passed to the decoder, of strides 4 to 32.
        net_size: side of the square to which the input is fitted, pixels.
        taps: blocks whose output is taken (beit, vit, dinov2: numbered over the whole network; swin: one per stage;
            conv: none).
        features: channels of the decoder.
        head_features: channels before the last convolution.
        stem: channels of the first convolution (conv only).
        keep_aspect: keep the aspect ratio when resizing.
        method: how the image is fitted to the square (MiDaS `Resize`).
        enlarge: interpolation from a predicted map to the size of its image; bilinear is with aligned corners.
        multiple: sides of the input are multiples of this, pixels.
        mean: mean subtracted from RGB in [0, 1].
        std: standard deviation by which the difference is divided.
        url: address of the published checkpoint; empty if the weights come with the package.
        licence: licence of the published checkpoint.
    """

    name: str
    family: Literal["beit", "vit", "swin", "dinov2", "conv"]
    backbone: str
    channels: tuple[int, int, int, int]
    net_size: int
    taps: tuple[int, ...] = ()
    features: int = 256
    head_features: int = 32
    stem: int = 0
    keep_aspect: bool = True
    method: ResizeMethod = "minimal"
    multiple: int = 32
    enlarge: Literal["bicubic", "bilinear"] = "bicubic"
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    url: str = ""
    licence: str = "MIT"


def _depth_anything_v2(
    size: str,
    channels: tuple[int, int, int, int],
    features: int,
    licence: str,
    taps: tuple[int, ...] = (2, 5, 8, 11),
) -> DepthModelSpec:
    return DepthModelSpec(
        name=f"depth_anything_v2_{size}",
        family="dinov2",
        backbone=f"vit_{size}_patch14_dinov2",
        channels=channels,
        net_size=518,
        taps=taps,
        features=features,
        method="lower_bound",
        multiple=14,
        enlarge="bilinear",
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
        url=f"{_HUB}/Depth-Anything-V2-{size.title()}/resolve/main/depth_anything_v2_vit{size[0]}.pth",
        licence=licence,
    )


_SPECS = (
    DepthModelSpec(
        name="dpt_beit_large_512",
        family="beit",
        backbone="beit_large_patch16_512",
        channels=(256, 512, 1024, 1024),
        net_size=512,
        taps=_VIT_LARGE_TAPS,
        url=f"{_RELEASES}/v3_1/dpt_beit_large_512.pt",
    ),
    DepthModelSpec(
        name="dpt_beit_large_384",
        family="beit",
        backbone="beit_large_patch16_384",
        channels=(256, 512, 1024, 1024),
        net_size=384,
        taps=_VIT_LARGE_TAPS,
        url=f"{_RELEASES}/v3_1/dpt_beit_large_384.pt",
    ),
    DepthModelSpec(
        name="dpt_beit_base_384",
        family="beit",
        backbone="beit_base_patch16_384",
        channels=(96, 192, 384, 768),
        net_size=384,
        taps=(2, 5, 8, 11),
        url=f"{_RELEASES}/v3_1/dpt_beit_base_384.pt",
    ),
    DepthModelSpec(
        name="dpt_large_384",
        family="vit",
        backbone="vit_large_patch16_384",
        channels=(256, 512, 1024, 1024),
        net_size=384,
        taps=_VIT_LARGE_TAPS,
        url=f"{_RELEASES}/v3/dpt_large_384.pt",
    ),
    DepthModelSpec(
        name="dpt_swin2_tiny_256",
        family="swin",
        backbone="swinv2_tiny_window16_256",
        channels=(96, 192, 384, 768),
        net_size=256,
        taps=(1, 1, 5, 1),
        keep_aspect=False,
        url=f"{_RELEASES}/v3_1/dpt_swin2_tiny_256.pt",
    ),
    _depth_anything_v2("small", (48, 96, 192, 384), 64, "Apache-2.0"),
    _depth_anything_v2("base", (96, 192, 384, 768), 128, "CC-BY-NC-4.0"),
    _depth_anything_v2("large", (256, 512, 1024, 1024), 256, "CC-BY-NC-4.0", taps=(4, 11, 17, 23)),
    DepthModelSpec(
        name="dpt_small",
        family="conv",
        backbone="resnet10t",
        channels=(24, 48, 96, 192),
        net_size=192,
        features=48,
        head_features=16,
        stem=16,
    ),
)
DEPTH_MODELS: dict[str, DepthModelSpec] = {spec.name: spec for spec in _SPECS}
"""All depth networks by name."""


def depth_model_spec(name: str) -> DepthModelSpec:
    """Looks up a network by its name.

    Raises:
        UserError: if no network has that name.
    """
    if name not in DEPTH_MODELS:
        raise UserError(f"depth model {name!r} is unknown; allowed: {', '.join(DEPTH_MODELS)}")
    return DEPTH_MODELS[name]

"""The DPT decoder, from transformer tokens or convolutional maps to one map (Ranftl et al., ICCV 2021).

Attribute names follow the MiDaS and Depth Anything releases, so that their checkpoints load without renaming.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ProjectReadout(nn.Module):
    """Mixes the class token into every patch token: the "project" readout of DPT, section 3.1."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.project = nn.Sequential(nn.Linear(2 * dim, dim), nn.GELU())

    def forward(self, tokens: Tensor) -> Tensor:
        """Returns patch tokens (N, P, D) from tokens (N, 1 + P, D), the class token first."""
        patches = tokens[:, 1:]
        readout = tokens[:, :1].expand_as(patches)
        mixed: Tensor = self.project(torch.cat((patches, readout), dim=-1))
        return mixed


class Reassemble(nn.ModuleDict):
    """Turns the tokens of one transformer block into a feature map of stride 4, 8, 16 or 32.

    The keys "0", "3" and "4" are the positions of the layers with weights in the sequences of the releases; 1 and 2
    there only move axes.

    Args:
        dim: width of the tokens.
        channels: channels of the map.
        level: 0 to 3, for strides 4, 8, 16, 32 with patches of 16 pixels.
    """

    def __init__(self, dim: int, channels: int, level: int) -> None:
        layers: dict[str, nn.Module] = {"0": ProjectReadout(dim), "3": nn.Conv2d(dim, channels, 1)}
        if level in (0, 1):
            scale = (4, 2)[level]
            layers["4"] = nn.ConvTranspose2d(channels, channels, scale, stride=scale)
        elif level == 3:
            layers["4"] = nn.Conv2d(channels, channels, 3, stride=2, padding=1)
        super().__init__(layers)

    def forward(self, tokens: Tensor, grid: tuple[int, int]) -> Tensor:
        """Returns the map (N, C, H', W') of tokens (N, 1 + h * w, D) on a patch grid (h, w)."""
        patches = self["0"](tokens).transpose(1, 2).unflatten(2, grid)
        features: Tensor = self["3"](patches)
        if "4" in self:
            features = self["4"](features)
        return features


class ResidualConvUnit(nn.Module):
    """Two 3x3 convolutions, each after a ReLU, around a shortcut."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(features, features, 3, padding=1)
        self.conv2 = nn.Conv2d(features, features, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        """Returns features of the same shape (N, C, H, W)."""
        # Not in place: the shortcut adds the values before the first ReLU.
        residual: Tensor = self.conv2(F.relu(self.conv1(F.relu(features))))
        return residual + features


class FeatureFusion(nn.Module):
    """Adds a finer map to the coarser one and resizes the sum to the next size (RefineNet block).

    `resConfUnit1` of the coarsest block has no finer map to work on; it exists because checkpoints contain its weights.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.out_conv = nn.Conv2d(features, features, 1)
        self.resConfUnit1 = ResidualConvUnit(features)
        self.resConfUnit2 = ResidualConvUnit(features)

    def forward(self, coarse: Tensor, skip: Tensor | None, size: tuple[int, int]) -> Tensor:
        """Returns the fused map (N, C, *size) of two maps (N, C, H, W), or of the coarse one alone."""
        fused = coarse if skip is None else coarse + self.resConfUnit1(skip)
        fused = self.resConfUnit2(fused)
        fused = F.interpolate(fused, size=size, mode="bilinear", align_corners=True)
        output: Tensor = self.out_conv(fused)
        return output


class Fusion(nn.Module):
    """Fuses four feature maps, each half the size of the one before, into one map twice the size of the first.

    Args:
        in_channels: channels of the four maps, the finest first.
        features: channels of the fusion blocks.
    """

    def __init__(self, in_channels: Sequence[int], features: int) -> None:
        super().__init__()
        for level, channels in enumerate(in_channels, start=1):
            self.add_module(f"layer{level}_rn", nn.Conv2d(channels, features, 3, padding=1, bias=False))
        for level in range(1, 5):
            self.add_module(f"refinenet{level}", FeatureFusion(features))

    def fuse(self, maps: Sequence[Tensor]) -> Tensor:
        """Returns (N, C, 2 H, 2 W) from maps (N, C_k, H / 2**k, W / 2**k), k = 0..3."""
        skips = [self.get_submodule(f"layer{level}_rn")(features) for level, features in enumerate(maps, start=1)]
        height, width = skips[0].shape[-2:]
        sizes = [(2 * height, 2 * width), *((int(s.shape[-2]), int(s.shape[-1])) for s in skips[:3])]
        fused: Tensor = self.get_submodule("refinenet4")(skips[3], None, sizes[3])
        for level in (3, 2, 1):
            fused = self.get_submodule(f"refinenet{level}")(fused, skips[level - 1], sizes[level - 1])
        return fused


def in_float32(layers: nn.Sequential, features: Tensor) -> Tensor:
    """Runs layers in float32, whatever data type the rest is computed in.

    A depth map that ends in bfloat16 has about a thousand levels, and views rendered from it show the steps.
    """
    device = features.device.type
    if not torch.amp.is_autocast_available(device):
        return layers(features)
    with torch.autocast(device, enabled=False):
        output: Tensor = layers(features.float())
    return output


class Decoder(Fusion):
    """Turns four feature maps of strides 4, 8, 16 and 32 into one map at the resolution of the input.

    Args:
        in_channels: channels of the four maps, the finest first.
        features: channels of the fusion blocks.
        head_features: channels before the last 1x1 convolution.
        non_negative: end in a ReLU.
    """

    def __init__(self, in_channels: Sequence[int], features: int, head_features: int, non_negative: bool) -> None:
        super().__init__(in_channels, features)
        self.output_conv = nn.Sequential(
            nn.Conv2d(features, features // 2, 3, padding=1),
            nn.UpsamplingBilinear2d(scale_factor=2),  # with aligned corners
            nn.Conv2d(features // 2, head_features, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(head_features, 1, 1),
            nn.ReLU() if non_negative else nn.Identity(),
        )

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Returns (N, H, W) from maps (N, C_k, H / 4 / 2**k, W / 4 / 2**k), k = 0..3."""
        features = self.output_conv[:2](self.fuse(maps))
        return in_float32(self.output_conv[2:], features).squeeze(1)

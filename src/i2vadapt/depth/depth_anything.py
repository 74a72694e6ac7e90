"""Depth Anything V2 (Yang et al., NeurIPS 2024): a DINOv2 transformer with a DPT decoder."""

from __future__ import annotations

from collections.abc import Sequence

import timm
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2vadapt.depth.blocks import Fusion, in_float32
from i2vadapt.depth.network import DepthNetwork
from i2vadapt.depth.spec import DepthModelSpec
from i2vadapt.errors import UserError

PATCH = 14
"""Side of a patch, pixels."""

_OFFSET = 0.1  # DINOv2 adds it to the sides of the grid when it computes the scale of its position embedding


class DepthAnythingNetwork(DepthNetwork):
    """Networks of the Depth Anything V2 releases for relative depth.

    Args:
        spec: architecture to build.
        non_negative: end in a ReLU, as the releases do.
    """

    def __init__(self, spec: DepthModelSpec, non_negative: bool = True) -> None:
        super().__init__(spec)
        self.pretrained = timm.create_model(spec.backbone, pretrained=False)
        self.depth_head = AnythingHead(
            self.pretrained.embed_dim, spec.channels, spec.features, spec.head_features, non_negative
        )

    def forward(self, images: Tensor) -> Tensor:
        """See `DepthNetwork.forward`."""
        height, width = images.shape[-2:]
        if height % PATCH or width % PATCH:
            raise UserError(f"depth network: input of {height}x{width}; both sides must be multiples of {PATCH}")
        grid = (height // PATCH, width // PATCH)
        depth: Tensor = self.depth_head(self._tap(images, grid), grid)
        return depth

    def _tap(self, images: Tensor, grid: tuple[int, int]) -> list[Tensor]:
        """Patch tokens (N, h * w, D) after each of four blocks, passed through the final norm."""
        backbone = self.pretrained
        patches = backbone.patch_embed.proj(images).flatten(2).transpose(1, 2)
        tokens = torch.cat((backbone.cls_token.expand(len(patches), -1, -1), patches), dim=1)
        tokens = tokens + resized_embedding(backbone.pos_embed, grid)
        tapped = []
        for index, block in enumerate(backbone.blocks[: self.spec.taps[-1] + 1]):
            tokens = block(tokens)
            if index in self.spec.taps:
                tapped.append(backbone.norm(tokens)[:, 1:])
        return tapped


def resized_embedding(embedding: Tensor, grid: tuple[int, int]) -> Tensor:
    """Position embedding for a grid of patches, resized as in DINOv2.

    The cubic samples are side / (h + 0.1) apart instead of side / h, because the releases were trained that way.

    Args:
        embedding: (1, 1 + side * side, D), the class token first.
        grid: rows and columns of patches (h, w).

    Returns:
        (1, 1 + h * w, D).
    """
    side = round((embedding.shape[1] - 1) ** 0.5)
    if grid == (side, side):
        return embedding
    table = embedding[:, 1:].reshape(1, side, side, -1).permute(0, 3, 1, 2)
    scale = ((grid[0] + _OFFSET) / side, (grid[1] + _OFFSET) / side)
    table = F.interpolate(table, scale_factor=scale, mode="bicubic", align_corners=False)
    return torch.cat((embedding[:, :1], table.flatten(2).transpose(1, 2)), dim=1)


class AnythingHead(nn.Module):
    """Turns the tokens of four blocks into one map at the resolution of the input.

    Args:
        dim: width of the tokens.
        channels: channels of the four maps, of strides 3.5 to 28.
        features: channels of the fusion blocks.
        head_features: channels before the last 1x1 convolution.
        non_negative: end in a ReLU.
    """

    def __init__(
        self, dim: int, channels: Sequence[int], features: int, head_features: int, non_negative: bool
    ) -> None:
        super().__init__()
        self.projects = nn.ModuleList(nn.Conv2d(dim, width, 1) for width in channels)
        self.resize_layers = nn.ModuleList(
            (
                nn.ConvTranspose2d(channels[0], channels[0], 4, stride=4),
                nn.ConvTranspose2d(channels[1], channels[1], 2, stride=2),
                nn.Identity(),
                nn.Conv2d(channels[3], channels[3], 3, stride=2, padding=1),
            )
        )
        self.scratch = AnythingDecoder(channels, features, head_features, non_negative)

    def forward(self, tokens: Sequence[Tensor], grid: tuple[int, int]) -> Tensor:
        """Returns (N, 14 h, 14 w) from four tensors of tokens (N, h * w, D) on a grid (h, w)."""
        maps = [
            resize(project(tap.transpose(1, 2).unflatten(2, grid)))
            for tap, project, resize in zip(tokens, self.projects, self.resize_layers, strict=True)
        ]
        depth: Tensor = self.scratch(maps, (PATCH * grid[0], PATCH * grid[1]))
        return depth


class AnythingDecoder(Fusion):
    """Fusion and the last convolutions; for the arguments see `AnythingHead`."""

    def __init__(self, channels: Sequence[int], features: int, head_features: int, non_negative: bool) -> None:
        super().__init__(channels, features)
        self.output_conv1 = nn.Conv2d(features, features // 2, 3, padding=1)
        self.output_conv2 = nn.Sequential(
            nn.Conv2d(features // 2, head_features, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(head_features, 1, 1),
            nn.ReLU() if non_negative else nn.Identity(),
        )

    def forward(self, maps: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
        """Returns (N, *size) from four maps, the finest first."""
        features = self.output_conv1(self.fuse(maps))
        features = F.interpolate(features, size=size, mode="bilinear", align_corners=True)
        return in_float32(self.output_conv2, features).squeeze(1)

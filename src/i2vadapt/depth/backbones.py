"""Backbones of the depth networks: timm models tapped at four places, for maps of strides 4, 8, 16 and 32.

Every backbone keeps its timm network as `model` and, where tokens must become maps, four modules `act_postprocessK`:
these are the names used in the MiDaS releases.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import timm
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2vadapt.depth.blocks import Reassemble
from i2vadapt.depth.rel_pos import relative_position_bias, relative_position_index
from i2vadapt.errors import UserError

PATCH = 16
"""Side of a patch of the plain transformers, pixels."""


class TokenBackbone(nn.Module):
    """A plain transformer whose token width and grid stay the same in all its blocks.

    Args:
        name: timm's name of the network.
        taps: indices, from 0, of the four blocks whose raw output (before the final norm) is taken.
        channels: channels of the four maps.
    """

    def __init__(self, name: str, taps: Sequence[int], channels: Sequence[int]) -> None:
        super().__init__()
        self.model = timm.create_model(name, pretrained=False)
        self.taps = tuple(taps)
        for level, width in enumerate(channels):
            self.add_module(f"act_postprocess{level + 1}", Reassemble(self.model.embed_dim, width, level))

    def forward(self, images: Tensor) -> list[Tensor]:
        """Returns four maps from images (N, 3, H, W).

        Raises:
            UserError: if a side is not a multiple of the patch.
        """
        height, width = images.shape[-2:]
        if height % PATCH or width % PATCH:
            raise UserError(f"depth network: input of {height}x{width}; both sides must be multiples of {PATCH}")
        grid = (height // PATCH, width // PATCH)
        # Only the projection, because timm's patch_embed insists on the training size.
        patches = self.model.patch_embed.proj(images).flatten(2).transpose(1, 2)
        tokens = torch.cat((self.model.cls_token.expand(len(patches), -1, -1), patches), dim=1)
        taps = self._run(tokens, grid)
        return [self.get_submodule(f"act_postprocess{k}")(tap, grid) for k, tap in enumerate(taps, start=1)]

    def _run(self, tokens: Tensor, grid: tuple[int, int]) -> list[Tensor]:
        """Returns the tapped tokens (N, 1 + h * w, D), the class token first."""
        raise NotImplementedError


class VitBackbone(TokenBackbone):
    """Vision transformer with a learned position embedding, resized to the grid of the input."""

    def _run(self, tokens: Tensor, grid: tuple[int, int]) -> list[Tensor]:
        tokens = tokens + self._position_embedding(grid)
        tapped = []
        for index, block in enumerate(self.model.blocks[: self.taps[-1] + 1]):
            tokens = block(tokens)
            if index in self.taps:
                tapped.append(tokens)
        return tapped

    def _position_embedding(self, grid: tuple[int, int]) -> Tensor:
        # Bilinear, as in MiDaS; timm resizes with an antialiased bicubic filter, which does not suit these weights.
        embedding: Tensor = self.model.pos_embed
        side = round((embedding.shape[1] - 1) ** 0.5)
        if grid == (side, side):
            return embedding
        table = embedding[:, 1:].reshape(1, side, side, -1).permute(0, 3, 1, 2)
        table = F.interpolate(table, size=grid, mode="bilinear", align_corners=False)
        return torch.cat((embedding[:, :1], table.flatten(2).transpose(1, 2)), dim=1)


class BeitBackbone(TokenBackbone):
    """BEiT with a relative position bias in each block, resized to the grid of the input as in MiDaS."""

    def __init__(self, name: str, taps: Sequence[int], channels: Sequence[int]) -> None:
        super().__init__(name, taps, channels)
        for block in self.model.blocks:
            # Neither is used below, and in a large network the index alone takes 200 MB.
            block.attn.relative_position_index = None
            block.attn.k_bias = None

    def _run(self, tokens: Tensor, grid: tuple[int, int]) -> list[Tensor]:
        index = relative_position_index(grid, tokens.device)
        tapped = []
        for number, block in enumerate(self.model.blocks[: self.taps[-1] + 1]):
            tokens = tokens + block.gamma_1 * self._attend(block, block.norm1(tokens), grid, index)
            tokens = tokens + block.gamma_2 * block.mlp(block.norm2(tokens))
            if number in self.taps:
                tapped.append(tokens)
        return tapped

    @staticmethod
    def _attend(block: nn.Module, tokens: Tensor, grid: tuple[int, int], index: Tensor) -> Tensor:
        """Self-attention (N, T, D) -> (N, T, D) with the position bias of `grid`."""
        attention: Any = block.attn  # a timm module that does not declare its attributes
        query_bias, value_bias = attention.q_bias, attention.v_bias
        bias = torch.cat((query_bias, torch.zeros_like(query_bias), value_bias))
        qkv = F.linear(tokens, attention.qkv.weight, bias)
        q, k, v = qkv.unflatten(-1, (3, attention.num_heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)
        position_bias = relative_position_bias(
            attention.relative_position_bias_table, attention.window_size, grid, index
        )
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=position_bias.unsqueeze(0).to(q.dtype))
        output: Tensor = attention.proj(mixed.transpose(1, 2).flatten(2))
        return output


class SwinBackbone(nn.Module):
    """Swin v2 tapped once in each of its four stages; its windows and masks fix the input size.

    Args:
        name: timm's name of the network.
        taps: index, from 0, of the block tapped in each stage.
    """

    def __init__(self, name: str, taps: Sequence[int]) -> None:
        super().__init__()
        with torch.device("cpu"):  # its buffers are computed, not loaded: they must be real even under the meta device
            self.model = timm.create_model(name, pretrained=False)
        self.taps = tuple(taps)
        # timm now merges patches at the start of a stage; when the releases were made, at the end of the stage before.
        stages = self.model.layers
        mergers = [stage.downsample for stage in stages]
        for stage, merger in zip(stages, [*mergers[1:], nn.Identity()], strict=True):
            stage.downsample = merger
        self.model.head = self.model.head.fc
        for block in (block for stage in stages for block in stage.blocks if block.attn_mask is not None):
            # The releases contain these masks, but timm no longer stores them.
            block.register_buffer("attn_mask", block.attn_mask, persistent=True)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Returns four maps from images (N, 3, S, S).

        Raises:
            UserError: if the images do not have the size of the network.
        """
        expected = tuple(self.model.patch_embed.img_size)
        if tuple(images.shape[-2:]) != expected:
            raise UserError(f"depth network: input of {images.shape[-2]}x{images.shape[-1]}; allowed: {expected} only")
        features = self.model.patch_embed(images)
        maps = []
        for stage, tap in zip(self.model.layers, self.taps, strict=True):
            for index, block in enumerate(stage.blocks):
                features = block(features)
                if index == tap:
                    maps.append(features.permute(0, 3, 1, 2))
            features = stage.downsample(features)
        return maps


class ConvBackbone(nn.Module):
    """A convolutional timm network, whose feature pyramid provides the maps.

    Args:
        name: timm's name of the network.
        channels: channels of its four stages, of strides 4 to 32.
        stem: channels of the first convolution.
    """

    def __init__(self, name: str, channels: Sequence[int], stem: int) -> None:
        super().__init__()
        self.model = timm.create_model(
            name, pretrained=False, features_only=True, out_indices=(1, 2, 3, 4), channels=channels, stem_width=stem
        )

    def forward(self, images: Tensor) -> list[Tensor]:
        """Returns four maps from images (N, 3, H, W)."""
        maps: list[Tensor] = self.model(images)
        return maps

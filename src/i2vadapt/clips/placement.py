"""From stored 8-bit clips to the input of a network."""

from __future__ import annotations

import torch
from torch import Tensor

from i2vadapt.data.flow_codec import LEVELS, ZERO
from i2vadapt.runtime.precision import Arithmetic


def place(clips: Tensor, arithmetic: Arithmetic) -> Tensor:
    """Moves clips to the device and converts them to the input of the networks.

    They are transferred in 8 bits and with channels last, as frames are stored.

    Args:
        clips: (N,T,H,W,C) uint8, RGB with 3 channels or codes of flow with 2 (`flow_codec.quantise`); or floating
            point in [-1,1] already (aggregates of flow).
        arithmetic: where and how the network computes.

    Returns:
        (N,C,T,H,W) in [-1,1], of the arithmetic's type, to which I3D's first convolution would round it next. CLIP
        normalises after it: bfloat16 moves what it sees by a quarter of a step of 8 bits at most.
    """
    moved = clips.to(arithmetic.device, non_blocking=True)
    n, frames, height, width, channels = moved.shape
    size = (n, channels, frames, height, width)
    placed = torch.empty(size, dtype=arithmetic.dtype, device=arithmetic.device, memory_format=arithmetic.memory_format)
    channels_last = placed.permute(0, 2, 3, 4, 1)
    if arithmetic.device.type == "cpu":
        # Frame by frame: a frame stays in the cache, and no time is spent allocating memory for a batch of floats.
        for clip, into in zip(moved, channels_last, strict=True):
            for frame, target in zip(clip, into, strict=True):
                target.copy_(scaled(frame))
    else:
        channels_last.copy_(scaled(moved))
    return placed


def scaled(stored: Tensor) -> Tensor:
    """8-bit RGB (...,3) or codes of flow (...,2) as float32 in [-1,1], no motion exactly 0; floats as they are."""
    if stored.dtype is not torch.uint8:
        return stored
    if stored.shape[-1] == 2:
        return stored.float().sub_(ZERO).mul_(1 / LEVELS).clamp_(min=-1)
    return stored.float().mul_(2 / 255).sub_(1)

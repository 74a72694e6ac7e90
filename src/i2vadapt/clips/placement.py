"""Conversion of stored 8-bit clips to the input of a network."""

from __future__ import annotations

import torch
from torch import Tensor

from i2vadapt.data.flow_codec import LEVELS, ZERO
from i2vadapt.runtime.precision import Arithmetic


def place(clips: Tensor, arithmetic: Arithmetic) -> Tensor:
    """Moves clips to the device and converts them to the input of the networks.

    Clips are transferred as they are stored: in 8 bits and with channels last.

    Args:
        clips: clips (N,T,H,W,C): uint8 RGB with 3 channels, uint8 flow codes with 2 (`flow_codec.quantise`), or
            blended flow that is already floating point in [-1,1].
        arithmetic: device and data type of the network.

    Returns:
        Clips (N,C,T,H,W) in [-1,1], of the arithmetic's data type, to which I3D's first convolution would round them
        anyway. CLIP normalises them afterwards, so bfloat16 shifts its input by at most a quarter of an 8-bit step.
    """
    moved = clips.to(arithmetic.device, non_blocking=True)
    n, frames, height, width, channels = moved.shape
    size = (n, channels, frames, height, width)
    placed = torch.empty(size, dtype=arithmetic.dtype, device=arithmetic.device, memory_format=arithmetic.memory_format)
    channels_last = placed.permute(0, 2, 3, 4, 1)
    if arithmetic.device.type == "cpu":
        # Frame by frame: a frame stays in the cache, and no memory has to be allocated for a batch of floats.
        for clip, into in zip(moved, channels_last, strict=True):
            for frame, target in zip(clip, into, strict=True):
                target.copy_(scaled(frame))
    else:
        channels_last.copy_(scaled(moved))
    return placed


def scaled(stored: Tensor) -> Tensor:
    """Scales 8-bit RGB (...,3) or flow codes (...,2) to float32 in [-1,1]; no motion gives exactly 0.

    Floating-point values are returned unchanged.
    """
    if stored.dtype is not torch.uint8:
        return stored
    if stored.shape[-1] == 2:
        return stored.float().sub_(ZERO).mul_(1 / LEVELS).clamp_(min=-1)
    return stored.float().mul_(2 / 255).sub_(1)

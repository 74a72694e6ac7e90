"""Device, data type and memory format: bfloat16 with channels last where the device is fast in it, else float32."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from i2vadapt.config import TrainSettings
from i2vadapt.data.flow_codec import LEVELS, ZERO
from i2vadapt.runtime.devices import best_device, chosen_dtype


@dataclass(frozen=True)
class Arithmetic:
    """Device and data type that the networks compute with.

    Attributes:
        device: cuda or cpu.
        dtype: data type of the convolutions; weights and losses stay in float32.
    """

    device: torch.device
    dtype: torch.dtype

    @property
    def memory_format(self) -> torch.memory_format:
        """Channels last for bfloat16, which gains little without it on a CPU; contiguous otherwise."""
        return torch.channels_last_3d if self.dtype is torch.bfloat16 else torch.contiguous_format

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """Context in which the networks run."""
        return torch.autocast(self.device.type, self.dtype, enabled=self.dtype is not torch.float32)

    def prepare(self, model: nn.Module) -> None:
        """Moves a network to the device and its weights to the memory format of the clips."""
        model.to(self.device)
        for weight in model.parameters():
            if weight.ndim == 5:
                weight.data = weight.data.contiguous(memory_format=self.memory_format)

    def place(self, clips: Tensor) -> Tensor:
        """Moves clips to the device and converts them to the input of the networks.

        They are transferred in 8 bits and with channels last, as frames are stored.

        Args:
            clips: (N,T,H,W,C) uint8, RGB with 3 channels or codes of flow with 2 (`flow_codec.quantise`); or floating
                point values that are in [-1,1] already (aggregates of flow).

        Returns:
            (N,C,T,H,W) in [-1,1], of this dtype, to which I3D's first convolution would round them anyway. CLIP
            normalises after this: bfloat16 changes its input by at most a quarter of an 8-bit step.
        """
        moved = clips.to(self.device, non_blocking=True)
        n, frames, height, width, channels = moved.shape
        size = (n, channels, frames, height, width)
        placed = torch.empty(size, dtype=self.dtype, device=self.device, memory_format=self.memory_format)
        channels_last = placed.permute(0, 2, 3, 4, 1)
        if self.device.type == "cpu":
            # Frame by frame: a frame stays in the cache, and no time is spent allocating memory for a batch of floats.
            for clip, place in zip(moved, channels_last, strict=True):
                for frame, to in zip(clip, place, strict=True):
                    to.copy_(scaled(frame))
        else:
            channels_last.copy_(scaled(moved))
        return placed


def scaled(stored: Tensor) -> Tensor:
    """Scales 8-bit RGB (...,3) or codes of flow (...,2) to float32 in [-1,1], zero motion to exactly 0.

    Floating point values are returned unchanged.
    """
    if stored.dtype is not torch.uint8:
        return stored
    if stored.shape[-1] == 2:
        return stored.float().sub_(ZERO).mul_(1 / LEVELS).clamp_(min=-1)
    return stored.float().mul_(2 / 255).sub_(1)


def choose_arithmetic(precision: str) -> Arithmetic:
    """The best device, with the data type for a value of `TrainSettings.precision`."""
    device = torch.device(best_device())
    return Arithmetic(device, chosen_dtype(precision, device.type))


def describe(arithmetic: Arithmetic, settings: TrainSettings, processes: int) -> str:
    """Describes device, data type and streams in one line for the log."""
    name = (
        torch.cuda.get_device_name() if arithmetic.device.type == "cuda" else f"{torch.get_num_threads()} CPU threads"
    )
    name += f" in each of {processes} processes" if processes > 1 else ""
    return f"{name}, {str(arithmetic.dtype).removeprefix('torch.')}, streams {' + '.join(settings.streams)}"

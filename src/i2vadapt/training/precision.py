"""Device and arithmetic: bfloat16 with channels last where the processor has it, float32 elsewhere."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from i2vadapt.config import TrainSettings


@dataclass(frozen=True)
class Arithmetic:
    """Where and how the networks compute.

    Attributes:
        device: cuda or cpu.
        dtype: of the convolutions; weights and losses stay in float32.
    """

    device: torch.device
    dtype: torch.dtype

    @property
    def memory_format(self) -> torch.memory_format:
        """Channels last for bfloat16, which gains little without it on a processor; plain otherwise."""
        return torch.channels_last_3d if self.dtype is torch.bfloat16 else torch.contiguous_format

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """Context in which networks run."""
        return torch.autocast(self.device.type, self.dtype, enabled=self.dtype is not torch.float32)

    def prepare(self, model: nn.Module) -> None:
        """Moves a network to the device, its weights in the layout of the clips."""
        model.to(self.device)
        for weight in model.parameters():
            if weight.ndim == 5:
                weight.data = weight.data.contiguous(memory_format=self.memory_format)

    def place(self, clips: Tensor) -> Tensor:
        """Moves (N,C,T,H,W) clips to the device in the layout that the networks use."""
        return clips.to(self.device, non_blocking=True).contiguous(memory_format=self.memory_format)


def choose_arithmetic(precision: str) -> Arithmetic:
    """Device and arithmetic for a setting of `TrainSettings.precision`."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    fast = torch.cuda.is_bf16_supported() if device.type == "cuda" else _cpu_has_bfloat16()
    use = precision == "bfloat16" or (precision == "auto" and fast)
    return Arithmetic(device, torch.bfloat16 if use else torch.float32)


def _cpu_has_bfloat16() -> bool:
    """Whether the processor multiplies in bfloat16 (AVX512-BF16, AMX); elsewhere that is slower than float32."""
    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(bool(getattr(torch.cpu, name, bool)()) for name in probes)


def describe(arithmetic: Arithmetic, settings: TrainSettings) -> str:
    """One line for the log."""
    name = (
        torch.cuda.get_device_name() if arithmetic.device.type == "cuda" else f"{torch.get_num_threads()} CPU threads"
    )
    return f"{name}, {str(arithmetic.dtype).removeprefix('torch.')}, streams {' + '.join(settings.streams)}"

"""Device, data type and memory format: bfloat16 with channels last where the device is fast in it, else float32."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from i2vadapt.runtime.devices import best_device, chosen_dtype


@dataclass(frozen=True)
class Arithmetic:
    """Device and data type of the networks.

    Attributes:
        device: cuda or cpu.
        dtype: data type of convolutions and attention. Weights and losses have the same type, or float32 if it is
            bfloat16.
    """

    device: torch.device
    dtype: torch.dtype

    @property
    def memory_format(self) -> torch.memory_format:
        """Channels last for bfloat16, which is hardly faster without it on a CPU; contiguous otherwise."""
        return torch.channels_last_3d if self.dtype is torch.bfloat16 else torch.contiguous_format

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """Context in which the networks run."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype is torch.bfloat16)

    def prepare(self, model: nn.Module) -> None:
        """Moves a network to the device and its weights to the memory format of the clips."""
        model.to(self.device, torch.float64 if self.dtype is torch.float64 else None)
        for weight in model.parameters():
            if weight.ndim == 5:
                weight.data = weight.data.contiguous(memory_format=self.memory_format)

    def describe(self, processes: int) -> str:
        """Describes device and data type, for the log.

        Args:
            processes: number of processes that train together.
        """
        on_gpu = self.device.type == "cuda"
        name = torch.cuda.get_device_name() if on_gpu else f"{torch.get_num_threads()} CPU threads"
        name += f" in each of {processes} processes" if processes > 1 else ""
        return f"{name}, {str(self.dtype).removeprefix('torch.')}"


def choose_arithmetic(precision: str) -> Arithmetic:
    """The best device and the data type for it; also sets how cuDNN computes convolutions in this process.

    In bfloat16, cuDNN tries its algorithms on the first batch of each shape and keeps the fastest. The choice may
    differ from one process to the next, and with it the last bits of the results. A precision that was asked for, other
    than bfloat16, is there to compare numbers: no TF32, which has the precision of float16, and repeatable algorithms.

    Args:
        precision: setting `precision` of a run, see `chosen_dtype`.
    """
    device = torch.device(best_device())
    dtype = chosen_dtype(precision, device.type)
    exact = precision in ("float32", "float64")
    cudnn = torch.backends.cudnn
    cudnn.benchmark, cudnn.deterministic, cudnn.allow_tf32 = dtype is torch.bfloat16, exact, not exact
    return Arithmetic(device, dtype)


def at_least_float32(values: Tensor) -> Tensor:
    """Converts values to float32, unless they are float64."""
    return values if values.dtype is torch.float64 else values.float()

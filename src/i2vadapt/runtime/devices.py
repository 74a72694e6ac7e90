"""The device that networks and flow compute on, and whether the GPUs that a job asked for are there."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from i2vadapt.errors import UserError

if TYPE_CHECKING:
    import torch

DEVICE_VARIABLE = "I2VADAPT_DEVICE"
_CHOICES = ("auto", "cpu")
_WITHOUT_BFLOAT16 = ("SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX512_CORE", "AVX512_CORE_VNNI")

_logger = logging.getLogger(__name__)


def chosen_device() -> str:
    """What the environment variable I2VADAPT_DEVICE asks for: auto (the default) or cpu.

    Raises:
        UserError: if it is something else.
    """
    choice = os.environ.get(DEVICE_VARIABLE) or "auto"
    if choice not in _CHOICES:
        raise UserError(f"{DEVICE_VARIABLE}: must be one of {', '.join(_CHOICES)}, not {choice!r}")
    return choice


def best_device() -> str:
    """`cuda` if there is a GPU and I2VADAPT_DEVICE does not say cpu, else `cpu`."""
    import torch  # takes seconds, and who computes on the processor anyway needs none of it

    return "cuda" if chosen_device() == "auto" and torch.cuda.is_available() else "cpu"


def visible_devices() -> list[str]:
    """Every GPU that this process can use, as `cuda:0`, `cuda:1`, …; without one, `cpu`."""
    if best_device() == "cpu":
        return ["cpu"]
    import torch

    return [f"cuda:{number}" for number in range(torch.cuda.device_count())]


def use_device(device: str) -> None:
    """Makes one of `visible_devices` the one that `cuda` means in this process."""
    if device != "cpu":
        import torch

        torch.cuda.set_device(device)


def chosen_dtype(precision: str, device: str) -> torch.dtype:
    """Type that convolutions and attention are computed in.

    Args:
        precision: float32, bfloat16, float64, or auto: bfloat16 where the device is fast in it.
        device: cuda or cpu.
    """
    import torch

    if precision == "float64":
        return torch.float64
    fast = torch.cuda.is_bf16_supported() if device == "cuda" else _cpu_has_bfloat16()
    use = precision == "bfloat16" or (precision == "auto" and fast)
    return torch.bfloat16 if use else torch.float32


def _cpu_has_bfloat16() -> bool:
    """Whether the processor multiplies in bfloat16 (AVX512-BF16, AMX); elsewhere that is slower than float32.

    PyTorch's probes ask the processor, so oneDNN's own limit on instructions (ONEDNN_MAX_CPU_ISA) is asked for first.
    """
    if os.environ.get("ONEDNN_MAX_CPU_ISA", "DEFAULT").upper() in _WITHOUT_BFLOAT16:
        return False
    import torch

    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(bool(getattr(torch.cpu, name, bool)()) for name in probes)


def nodes_of_step() -> int:
    """Nodes that run this command together: those of a SLURM step, else 1."""
    return int(os.environ.get("SLURM_STEP_NUM_NODES", "1"))


def check_gpus(asked: int) -> None:
    """Logs the GPUs that this process can use; inside a SLURM job, fewer than were asked for is an error.

    A job that computes on the processor while a GPU is reserved for it, because PyTorch has no CUDA or the site hands
    out GPUs under another name, would otherwise run for days before anybody looks. Outside SLURM a machine without
    a GPU is no mistake.

    Args:
        asked: GPUs that the job asked for on all nodes; those that SLURM names in CUDA_VISIBLE_DEVICES count too.

    Raises:
        UserError: if there are fewer; with I2VADAPT_DEVICE=cpu, if SLURM has handed out fewer.
    """
    in_slurm = "SLURM_JOB_ID" in os.environ
    on_cpu = chosen_device() == "cpu"
    names = os.environ.get("CUDA_VISIBLE_DEVICES")
    allotted = len([name for name in (names or "").split(",") if name.strip() not in ("", "-1", "NoDevFiles")])
    asked = max(asked // nodes_of_step(), allotted if in_slurm else 0)
    if asked == 0:
        return
    found = allotted if on_cpu else _count_gpus()
    shown = "unset" if names is None else names
    state = f"{asked} asked for, CUDA_VISIBLE_DEVICES is {shown}, "
    state += f"computing on the processor as {DEVICE_VARIABLE} says" if on_cpu else f"{found} found"
    _logger.info("GPUs: %s", state)
    if in_slurm and found < asked:
        raise UserError(
            f"GPUs: {state}. The resources of the rule, the partition, or a PyTorch without CUDA may be the cause; "
            f"resources gpu=0 asks for none and computes on the processor"
        )


def _count_gpus() -> int:
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0

"""The device that networks and flow run on, and the check that a job sees the GPUs that it requested."""

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
    """Value of the environment variable I2VADAPT_DEVICE: auto (the default) or cpu.

    Raises:
        UserError: if it has another value.
    """
    choice = os.environ.get(DEVICE_VARIABLE) or "auto"
    if choice not in _CHOICES:
        raise UserError(f"{DEVICE_VARIABLE}: must be one of {', '.join(_CHOICES)}, not {choice!r}")
    return choice


def best_device() -> str:
    """`cuda` if there is a GPU and I2VADAPT_DEVICE is not cpu, else `cpu`."""
    import torch  # imported here because it takes seconds, and work that needs no GPU does without it

    return "cuda" if chosen_device() == "auto" and torch.cuda.is_available() else "cpu"


def visible_devices() -> list[str]:
    """All GPUs that this process can use, as `cuda:0`, `cuda:1`, …; `cpu` if there are none."""
    if best_device() == "cpu":
        return ["cpu"]
    import torch

    return [f"cuda:{number}" for number in range(torch.cuda.device_count())]


def use_device(device: str) -> None:
    """Hides all GPUs but one of `visible_devices` from this process, in which CUDA must not have been used yet.

    Making it PyTorch's current device would not do, since that holds for a single thread and for PyTorch alone.
    """
    if device != "cpu":
        number = int(device.removeprefix("cuda:"))
        listed = os.environ.get("CUDA_VISIBLE_DEVICES")
        os.environ["CUDA_VISIBLE_DEVICES"] = listed.split(",")[number].strip() if listed else str(number)


def chosen_dtype(precision: str, device: str) -> torch.dtype:
    """Data type in which convolutions and attention are computed.

    Args:
        precision: float32, bfloat16, float64, or auto, which means bfloat16 where the device is fast in it.
        device: cuda or cpu.
    """
    import torch

    if precision == "float64":
        return torch.float64
    fast = torch.cuda.is_bf16_supported(including_emulation=False) if device == "cuda" else _cpu_has_bfloat16()
    use = precision == "bfloat16" or (precision == "auto" and fast)
    return torch.bfloat16 if use else torch.float32


def _cpu_has_bfloat16() -> bool:
    """Whether the CPU multiplies in bfloat16 (AVX512-BF16, AMX); on others bfloat16 is slower than float32.

    PyTorch's probes ask the CPU, so a limit that the user set on oneDNN's instructions is looked at first.
    """
    if os.environ.get("ONEDNN_MAX_CPU_ISA", "DEFAULT").upper() in _WITHOUT_BFLOAT16:
        return False
    import torch

    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(bool(getattr(torch.cpu, name, bool)()) for name in probes)


def node_count() -> int:
    """Number of nodes that run this command together: the nodes of the SLURM step, or 1 outside SLURM.

    An interactive step (`srun --pty bash`) has a shell on its first node only.
    """
    nodes = os.environ.get("SLURM_STEP_NUM_NODES", "")
    return int(nodes) if nodes.isdecimal() and "SLURM_PTY_PORT" not in os.environ else 1


def check_gpus(asked: int) -> None:
    """Logs the GPUs that this process can use; inside a SLURM job, fewer than requested is an error.

    A job may compute on the CPU although a GPU is reserved for it, because PyTorch was built without CUDA or the site
    allocates GPUs under another name; unchecked, it could run for days before anybody notices. Outside SLURM, a
    machine without a GPU is no mistake.

    Args:
        asked: number of GPUs that the job requested on all nodes; those that SLURM lists in CUDA_VISIBLE_DEVICES
            count too.

    Raises:
        UserError: if there are fewer; with I2VADAPT_DEVICE=cpu, if SLURM has allocated fewer.
    """
    in_slurm = "SLURM_JOB_ID" in os.environ
    on_cpu = chosen_device() == "cpu"
    names = os.environ.get("CUDA_VISIBLE_DEVICES")
    allotted = len([name for name in (names or "").split(",") if name.strip() not in ("", "-1", "NoDevFiles")])
    asked = max(asked // node_count(), allotted if in_slurm else 0)
    if asked == 0:
        return
    found = allotted if on_cpu else _count_gpus()
    shown = "unset" if names is None else names
    state = f"{asked} requested, CUDA_VISIBLE_DEVICES is {shown}, "
    state += f"computing on the CPU because {DEVICE_VARIABLE} is cpu" if on_cpu else f"{found} found"
    _logger.info("GPUs: %s", state)
    if in_slurm and found < asked:
        raise UserError(
            f"GPUs: {state}. Check the resources of the rule, the partition, and that PyTorch was built with CUDA; "
            f"to compute on the CPU, set the resource gpu=0"
        )


def _count_gpus() -> int:
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0

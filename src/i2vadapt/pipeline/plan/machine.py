"""The machine in a line, for the rates that are measured on it."""

from __future__ import annotations

import platform
from pathlib import Path

from i2vadapt.runtime.devices import best_device, visible_devices

_INSTRUCTIONS = {"amx_bf16": "AMX", "avx512_bf16": "AVX512-BF16", "avx512f": "AVX-512", "avx2": "AVX2"}
"""Names of the instructions that decide the speed of networks, best first, by their flags in Linux."""


def describe_machine(cores: int) -> str:
    """Processor with its fastest instructions, number of cores, and GPUs."""
    name, flags = _processor()
    instructions = next((f" with {shown}" for flag, shown in _INSTRUCTIONS.items() if flag in flags), "")
    return f"{name or platform.machine()}{instructions}, {cores} cores; {_gpus() or 'no GPU'}"


def gpu_count() -> int:
    """Number of GPUs that jobs can use."""
    return len(visible_devices()) if best_device() == "cuda" else 0


def _gpus() -> str:
    if not gpu_count():
        return ""
    import torch  # takes seconds, and is imported by now where there is a GPU

    return f"{gpu_count()} {torch.cuda.get_device_name()}"


def _processor() -> tuple[str, set[str]]:
    """Name and flags of the processor; empty where the system is not Linux."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "", set()
    pairs = [line.split(":", 1) for line in lines if ":" in line]
    found = {key.strip(): value.strip() for key, value in pairs}
    return found.get("model name", ""), set(found.get("flags", "").split())

"""TV-L1 optical flow (Zach et al. 2007): one function for all backends."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from i2vadapt.config.parsing import parse
from i2vadapt.config.preprocessing import Tvl1Settings
from i2vadapt.errors import UserError
from i2vadapt.runtime.devices import best_device

Backend = Callable[[np.ndarray, np.ndarray, Tvl1Settings], np.ndarray]

# Modules with a function `tvl1_pairs`, imported only when used because PyTorch and Numba take long to start.
BACKENDS = {
    "opencv": "i2vadapt.flow.backends.opencv",
    "numba": "i2vadapt.flow.backends.numba",
    "torch": "i2vadapt.flow.backends.torch",
    "cuda": "i2vadapt.flow.backends.cuda",
}
_GPU_DEVICES = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")  # NVIDIA's, AMD's, and either's under WSL


def tvl1(first: np.ndarray, second: np.ndarray, backend: str = "auto", **settings: float) -> np.ndarray:
    """Optical flow from the first image to the second, for one pair or many.

    Args:
        first: (N,H,W) or (H,W) uint8 grey.
        second: images of the same shape.
        backend: one of BACKENDS, or "auto": on an NVIDIA GPU cuda where numba-cuda is installed, on GPUs
            otherwise torch, and without one numba.
        **settings: fields of `i2vadapt.config.Tvl1Settings`; the defaults are OpenCV's.

    Returns:
        (N,H,W,2) or (H,W,2) float32 pixels, u to the right and v down: first(x, y) corresponds to second(x + u, y + v).

    Raises:
        UserError: if the images are not uint8 of one shape, the backend or a setting does not exist, or a setting is
            out of bounds.
    """
    for name, images in (("first", first), ("second", second)):
        if images.dtype != np.uint8 or images.ndim not in (2, 3) or 0 in images.shape[-2:]:
            raise UserError(
                f"flow: {name} must be uint8 of shape (N, H, W) or (H, W), not {images.dtype} of shape {images.shape}"
            )
    if first.shape != second.shape:
        raise UserError(f"flow: the shapes of the images differ: {first.shape} and {second.shape}")
    compute: Backend = importlib.import_module(BACKENDS[resolve_backend(backend)]).tvl1_pairs
    parsed = parse(Tvl1Settings, settings, "tvl1")
    if first.ndim == 2:
        return compute(first[None], second[None], parsed)[0]
    return compute(first, second, parsed)


def resolve_backend(name: str) -> str:
    """Returns the backend that a setting stands for on this machine.

    Raises:
        UserError: if no backend has that name, or if it is cuda and this machine cannot run it.
    """
    if name == "cuda" and (problem := _problem_with_cuda()):
        raise UserError(f"flow: backend: cuda {problem}")
    if name in BACKENDS:
        return name
    if name != "auto":
        raise UserError(f"flow: backend: must be one of auto, {', '.join(BACKENDS)}, not {name!r}")
    # Importing PyTorch takes seconds in every worker process, so first check whether a GPU driver is present at all.
    if sys.platform == "linux" and not any(Path(device).exists() for device in _GPU_DEVICES):
        return "numba"
    if best_device() != "cuda":
        return "numba"
    return "torch" if _problem_with_cuda() else "cuda"


def _problem_with_cuda() -> str:
    """Why this process cannot run the kernels for NVIDIA GPUs; "" if it can."""
    import torch

    if best_device() != "cuda" or torch.version.hip is not None:
        return "needs an NVIDIA GPU that PyTorch can use"
    if importlib.util.find_spec("numba_cuda") is None:
        return "needs the package numba-cuda, which is not installed: pip install 'i2vadapt[gpu]'"
    return ""


def to_grey(rgb: np.ndarray) -> np.ndarray:
    """Converts RGB images to luma (ITU-R BT.601, computed by OpenCV).

    Args:
        rgb: (...,H,W,3) uint8.

    Returns:
        (...,H,W) uint8.

    Raises:
        UserError: if the images are not uint8 with three channels.
    """
    if rgb.dtype != np.uint8 or rgb.ndim < 3 or rgb.shape[-1] != 3:
        raise UserError(f"flow: images must be uint8 of shape (..., H, W, 3), not {rgb.dtype} of shape {rgb.shape}")
    if rgb.size == 0:
        return np.empty(rgb.shape[:-1], np.uint8)
    tall = np.ascontiguousarray(rgb).reshape(-1, rgb.shape[-2], 3)
    return cv2.cvtColor(tall, cv2.COLOR_RGB2GRAY).reshape(rgb.shape[:-1])

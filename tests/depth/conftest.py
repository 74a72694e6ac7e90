"""Reference outputs and the weights they were computed with."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn


def _value(key: str, shape: tuple[int, ...]) -> np.ndarray:
    noise = np.random.default_rng(zlib.crc32(key.encode())).standard_normal(shape).astype(np.float32)
    if key.endswith("running_var"):
        return 1 + 0.1 * np.abs(noise)
    if key.endswith("running_mean"):
        return 0.1 * noise
    if len(shape) <= 1:
        if key.endswith("weight"):
            return 1 + 0.1 * noise
        return 0.1 + 0.05 * noise if "gamma" in key else 0.05 * noise
    if key.endswith(("relative_position_bias_table", "cls_token")):
        return 0.5 * noise
    return noise * np.float32(np.sqrt(2 / np.prod(shape[1:])))


@pytest.fixture(scope="session")
def fill() -> Callable[[nn.Module], None]:
    """Fills a network with the weights of the reference outputs."""

    def fill_network(network: nn.Module) -> None:
        state = network.state_dict()
        with torch.no_grad():
            for key, tensor in state.items():
                if tensor.is_floating_point():
                    tensor.copy_(torch.from_numpy(np.asarray(_value(key, tuple(tensor.shape)), dtype=np.float32)))

    return fill_network


@pytest.fixture(scope="session")
def reference() -> Path:
    """Folder of reference outputs: I2VADAPT_SHARED, or `shared` beside the repository."""
    root = Path(os.environ.get("I2VADAPT_SHARED", Path(__file__).resolve().parents[3] / "shared"))
    if not (root / "reference" / "dpt_outputs.npz").is_file():
        pytest.skip("no reference outputs at hand")
    return root / "reference"

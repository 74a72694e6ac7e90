"""Building depth networks by name, and loading their checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from i2vadapt.depth.checkpoints import read_checkpoint
from i2vadapt.depth.depth_anything import DepthAnythingNetwork
from i2vadapt.depth.dpt import DptNetwork
from i2vadapt.depth.network import DepthNetwork
from i2vadapt.depth.spec import DEPTH_MODELS, DepthModelSpec, depth_model_spec
from i2vadapt.errors import UserError
from i2vadapt.weights.reading import mismatch

WEIGHTS = Path(__file__).parent / "weights"
"""Folder of the weights that come with the package, one file `<name>.safetensors` per network that has some."""


def default_checkpoint(name: str) -> Path | None:
    """Weights of a network that come with the package; None if they have to be downloaded."""
    path = WEIGHTS / f"{depth_model_spec(name).name}.safetensors"
    return path if path.is_file() else None


def new_network(spec: DepthModelSpec, non_negative: bool = True) -> DepthNetwork:
    """Builds a network with random weights, on the default device."""
    family = DepthAnythingNetwork if spec.family == "dinov2" else DptNetwork
    return family(spec, non_negative)


def build_depth_model(name: str, checkpoint: str | Path | None = None, non_negative: bool = True) -> DepthNetwork:
    """Builds a depth network in evaluation mode, on the CPU.

    Args:
        name: one of `DEPTH_MODELS`.
        checkpoint: `.pt` or `.safetensors` file. None uses the weights that come with the package; a network without
            such weights gets random ones, so callers that predict should check `default_checkpoint` first.
        non_negative: end in a ReLU, as the releases do.

    Returns:
        A network that maps images (N, 3, H, W), resized and normalised by its `DepthModelSpec`, to inverse depth
        (N, H, W).

    Raises:
        UserError: if the name is unknown, or the checkpoint is unreadable or belongs to another network.
    """
    spec = depth_model_spec(name)
    path = default_checkpoint(name) if checkpoint is None else Path(checkpoint)
    if path is None:
        return new_network(spec, non_negative).eval()
    state = read_checkpoint(path)
    with torch.device("meta"):  # spends no memory and no random numbers on weights that are replaced at once
        network = new_network(spec, non_negative)
    difference = mismatch(state, network.state_dict())
    if difference:
        raise UserError(f"{path}: not a checkpoint of {name}{_suggestion(state, spec)}: {difference}")
    network.load_state_dict(state, assign=True)
    return network.eval()


def _suggestion(state: Mapping[str, Tensor], refused: DepthModelSpec) -> str:
    """Names the network that the weights do fit, if any, as a phrase for the error message."""
    for spec in DEPTH_MODELS.values():
        if spec is not refused:
            with torch.device("meta"):
                other = new_network(spec)
            if not mismatch(state, other.state_dict()):
                return f" but of {spec.name}"
    return ""

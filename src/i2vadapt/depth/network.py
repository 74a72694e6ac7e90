"""Base class of the depth networks."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from i2vadapt.depth.checkpoints import drop_unused
from i2vadapt.depth.spec import DepthModelSpec


class DepthNetwork(nn.Module):
    """Predicts inverse depth of unknown scale and shift; larger is nearer.

    The keys of the state dict are those of the published checkpoint, which therefore loads without renaming.

    Attributes:
        spec: architecture of the network.
        dtype: data type of predictions; weights and the last two convolutions stay in float32.
    """

    def __init__(self, spec: DepthModelSpec) -> None:
        super().__init__()
        self.spec = spec
        self.dtype = torch.float32
        self.register_load_state_dict_pre_hook(_drop_unused)

    def prepare(self, device: str, dtype: torch.dtype) -> DepthNetwork:
        """Moves the network to a device and sets the data type of predictions; returns the network."""
        self.dtype = dtype
        # Faster for the convolutions in both data types, and much faster in bfloat16.
        return self.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, images: Tensor) -> Tensor:
        """Returns inverse depth (N, H, W) of normalised images (N, 3, H, W).

        Raises:
            UserError: if the network does not accept images of that size.
        """
        raise NotImplementedError


def _drop_unused(_module: nn.Module, state: dict[str, Any], *_: object) -> None:
    drop_unused(state)

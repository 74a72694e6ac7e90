"""The dense prediction transformer: a backbone and its decoder (Ranftl et al., ICCV 2021; MiDaS v3.1)."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from i2vadapt.depth.backbones import BeitBackbone, ConvBackbone, SwinBackbone, VitBackbone
from i2vadapt.depth.blocks import Decoder
from i2vadapt.depth.checkpoints import drop_recomputed
from i2vadapt.depth.spec import DepthModelSpec


class DepthNetwork(nn.Module):
    """Predicts inverse depth of unknown scale and shift; larger is nearer.

    Args:
        spec: what to build.
        non_negative: ends in a ReLU, as the releases do.
    """

    def __init__(self, spec: DepthModelSpec, non_negative: bool = True) -> None:
        super().__init__()
        self.spec = spec
        self.pretrained = _backbone(spec)
        self.scratch = Decoder(spec.channels, spec.features, spec.head_features, non_negative)
        self.register_load_state_dict_pre_hook(_forget_recomputed)

    def forward(self, images: Tensor) -> Tensor:
        """Returns inverse depth (N, H, W) of normalised images (N, 3, H, W).

        Raises:
            UserError: the network can't take images of that size.
        """
        depth: Tensor = self.scratch(self.pretrained(images))
        return depth


def _backbone(spec: DepthModelSpec) -> nn.Module:
    if spec.family == "beit":
        return BeitBackbone(spec.backbone, spec.taps, spec.channels)
    if spec.family == "vit":
        return VitBackbone(spec.backbone, spec.taps, spec.channels)
    if spec.family == "swin":
        return SwinBackbone(spec.backbone, spec.taps)
    return ConvBackbone(spec.backbone, spec.channels, spec.stem)


def _forget_recomputed(_module: nn.Module, state: dict[str, Any], *_: object) -> None:
    drop_recomputed(state)

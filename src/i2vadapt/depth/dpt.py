"""The dense prediction transformer: a backbone and its decoder (Ranftl et al., ICCV 2021; MiDaS v3.1)."""

from __future__ import annotations

from torch import Tensor, nn

from i2vadapt.depth.backbones import BeitBackbone, ConvBackbone, SwinBackbone, VitBackbone
from i2vadapt.depth.blocks import Decoder
from i2vadapt.depth.network import DepthNetwork
from i2vadapt.depth.spec import DepthModelSpec


class DptNetwork(DepthNetwork):
    """Networks of the MiDaS releases.

    Args:
        spec: architecture to build.
        non_negative: end in a ReLU, as the releases do.
    """

    def __init__(self, spec: DepthModelSpec, non_negative: bool = True) -> None:
        super().__init__(spec)
        self.pretrained = _backbone(spec)
        self.scratch = Decoder(spec.channels, spec.features, spec.head_features, non_negative)

    def forward(self, images: Tensor) -> Tensor:
        """See `DepthNetwork.forward`."""
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

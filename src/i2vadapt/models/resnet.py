"""ResNet on single frames (He et al. 2016), for the image-level methods of Table 1."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import timm
import torch
from torch import Tensor, nn

from i2vadapt.config.run import TrainingSettings
from i2vadapt.errors import UserError
from i2vadapt.models.domain_alignment import FILLED_IN, align_domains
from i2vadapt.models.frame_network import FrameNetwork
from i2vadapt.weights.reading import mismatch, read_state

_HEAD = "fc."


class FrameResNet(FrameNetwork):
    """ResNet on single frames: 512 pooled features for resnet18, 2048 for resnet50.

    Args:
        name: resnet18 or resnet50.
        num_classes: number of classes C.
        dropout: see `FrameNetwork`.
        bottleneck: see `FrameNetwork`.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, name: str, num_classes: int, dropout: float, bottleneck: int | None = None) -> None:
        backbone = timm.create_model(name, pretrained=False, num_classes=0)
        super().__init__(backbone, backbone.num_features, num_classes, dropout, bottleneck)
        for part in ("mean", "std"):
            values = torch.tensor(backbone.default_cfg[part])
            self.register_buffer(part, values.view(3, 1, 1), persistent=False)

    @property
    def last_stage(self) -> nn.Module:
        """See `FrameNetwork.last_stage`."""
        return self.backbone.get_submodule("layer4")

    def pooled(self, clips: Tensor) -> Tensor:
        """See `FrameNetwork.pooled`."""
        frames = ((clips.transpose(1, 2).flatten(0, 1) + 1) / 2 - self.mean) / self.std
        features: Tensor = self.backbone(frames)
        return features.unflatten(0, (len(clips), clips.shape[2]))


def build(settings: TrainingSettings, num_classes: int) -> FrameResNet:
    """Builds the ResNet of a run, with random weights.

    Args:
        settings: settings of the run.
        num_classes: number of classes C.
    """
    network = FrameResNet(settings.network, num_classes, settings.dropout, settings.bottleneck)
    if settings.normalisation == "aligned":
        align_domains(network.backbone)
    if settings.resnet.trained == "layer4":
        for name, layer in network.backbone.named_children():
            layer.requires_grad_(name == "layer4")
    return network


def initialise(network: FrameResNet, settings: TrainingSettings, classes: Sequence[str]) -> None:
    """Loads trained weights into the network; the classifier keeps its random weights.

    Args:
        network: network to initialise, changed in place.
        settings: settings of the run; `resnet.weights` is a state dict of torchvision or timm, which use the same
            names, or None for random weights.
        classes: class names in the order of the labels; unused.

    Raises:
        UserError: if the file cannot be read or does not fit.
    """
    if settings.resnet.weights is None:
        return
    weights = Path(settings.resnet.weights)
    state = {key: value for key, value in read_state(weights).items() if not key.startswith(_HEAD)}
    # Files of 2018 and earlier have no batch counters, and no file has what aligns domains; the layers fill it in.
    own = network.backbone.state_dict()
    difference = mismatch(
        state, {key: own[key] for key in own if key in state or key.rpartition(".")[2] not in FILLED_IN}
    )
    if difference:
        raise UserError(f"{weights}: does not fit the ResNet: {difference}")
    network.backbone.load_state_dict(state)

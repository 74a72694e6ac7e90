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
from i2vadapt.models.stream_network import StreamNetwork
from i2vadapt.weights.reading import mismatch, read_state

_HEAD = "fc."


class FrameResNet(StreamNetwork):
    """Classifier of clips that looks at each frame by itself; a photograph is a clip of one frame.

    Args:
        name: resnet18 or resnet50.
        num_classes: number of classes C.
        dropout: share of the features that is dropped before the logits in training, 0 to 1.
        bottleneck: size of a linear layer behind the pooled features, whose output are the features of the network;
            the classifier then has a hidden layer of the same size, as in CycDA (Lin et al. 2022). None: neither.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, name: str, num_classes: int, dropout: float, bottleneck: int | None = None) -> None:
        super().__init__()
        self.backbone = timm.create_model(name, pretrained=False, num_classes=0)
        pooled: int = self.backbone.num_features
        self.feature_size = bottleneck or pooled
        self.dropout = nn.Dropout(dropout)
        self.bottleneck: nn.Module = nn.Identity()
        self.logits: nn.Module = nn.Linear(self.feature_size, num_classes)
        if bottleneck is not None:
            self.bottleneck = nn.Linear(pooled, bottleneck)
            self.logits = nn.Sequential(nn.Linear(bottleneck, bottleneck), nn.ReLU(), self.logits)
        for part in ("mean", "std"):
            values = torch.tensor(self.backbone.default_cfg[part])
            self.register_buffer(part, values.view(3, 1, 1), persistent=False)

    def features(self, clips: Tensor) -> Tensor:
        """Computes the features of every frame.

        Args:
            clips: clips (N, 3, T, H, W) in [-1, 1].

        Returns:
            Features (N, F, T); F is that of the bottleneck or, without one, 512 for resnet18 and 2048 for resnet50.

        Raises:
            UserError: if the clips do not have five axes and three channels.
        """
        if clips.ndim != 5 or clips.shape[1] != 3:
            raise UserError(f"ResNet got clips of shape {tuple(clips.shape)}; expected (N, 3, T, H, W)")
        frames = ((clips.transpose(1, 2).flatten(0, 1) + 1) / 2 - self.mean) / self.std
        features: Tensor = self.bottleneck(self.backbone(frames))
        return features.unflatten(0, (len(clips), clips.shape[2])).transpose(1, 2)

    def classify(self, features: Tensor) -> Tensor:
        """Maps frame features (N, F, T) to logits (N, C, T)."""
        logits: Tensor = self.logits(features.transpose(1, 2))
        return logits.transpose(1, 2)


def build(settings: TrainingSettings, num_classes: int) -> FrameResNet:
    """Builds the ResNet of a run, with random weights.

    Args:
        settings: settings of the run.
        num_classes: number of classes C.
    """
    resnet = settings.resnet
    network = FrameResNet(settings.network, num_classes, settings.dropout, resnet.bottleneck)
    if resnet.normalisation == "aligned":
        align_domains(network.backbone)
    if resnet.trained == "layer4":
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

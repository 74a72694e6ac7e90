"""Networks that look at each frame by itself: what those of different backbones have in common."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor, nn

from i2vadapt.errors import UserError
from i2vadapt.models.stream_network import StreamNetwork


class FrameNetwork(StreamNetwork):
    """Classifier of clips that looks at each frame by itself; a photograph is a clip of one frame.

    Args:
        backbone: network that maps frames to pooled features.
        pooled_size: number of these features.
        num_classes: number of classes C.
        dropout: share of the features that is dropped before the logits in training, 0 to 1.
        bottleneck: size of a linear layer behind the pooled features, whose output are the features of the network;
            the classifier then has a hidden layer of the same size, as in CycDA (Lin et al. 2022). None: neither.
    """

    def __init__(
        self, backbone: nn.Module, pooled_size: int, num_classes: int, dropout: float, bottleneck: int | None
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.feature_size = bottleneck or pooled_size
        self.dropout = nn.Dropout(dropout)
        self.bottleneck: nn.Module = nn.Identity()
        self.logits: nn.Module = nn.Linear(self.feature_size, num_classes)
        if bottleneck is not None:
            self.bottleneck = nn.Linear(pooled_size, bottleneck)
            self.logits = nn.Sequential(nn.Linear(bottleneck, bottleneck), nn.ReLU(), self.logits)

    @property
    @abstractmethod
    def last_stage(self) -> nn.Module:
        """The layers whose output, a map, is averaged to the pooled features."""

    @abstractmethod
    def pooled(self, clips: Tensor) -> Tensor:
        """Maps clips (N, 3, T, H, W) in [-1, 1] to the pooled features (N, T, P) of their frames."""

    def features(self, clips: Tensor) -> Tensor:
        """Computes the features of every frame.

        Args:
            clips: clips (N, 3, T, H, W) in [-1, 1].

        Returns:
            Features (N, F, T); F is the size of the bottleneck or, without one, that of the pooled features.

        Raises:
            UserError: if the clips do not have five axes and three channels.
        """
        if clips.ndim != 5 or clips.shape[1] != 3:
            raise UserError(f"{type(self).__name__} got clips of shape {tuple(clips.shape)}; expected (N, 3, T, H, W)")
        features: Tensor = self.bottleneck(self.pooled(clips))
        return features.transpose(1, 2)

    def classify(self, features: Tensor) -> Tensor:
        """Maps frame features (N, F, T) to logits (N, C, T)."""
        logits: Tensor = self.logits(features.transpose(1, 2))
        return logits.transpose(1, 2)

"""What a run asks of a network, and the network of a run with the heads that training adds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from i2vadapt.models.layers import Unit3D
from i2vadapt.runtime.precision import at_least_float32


class StreamNetwork(nn.Module, ABC):
    """A classifier of clips in two halves, features in time and logits.

    Attributes:
        feature_size: features F of a time step.
        dropout: what lies between the halves in training.
    """

    feature_size: int
    dropout: nn.Module

    @abstractmethod
    def features(self, clips: Tensor) -> Tensor:
        """Maps clips (N, channels, T, H, W) in [-1, 1] to features (N, F, T') of T' time steps."""

    @abstractmethod
    def classify(self, features: Tensor) -> Tensor:
        """Maps features (N, F, T') to logits (N, C, T'), without dropout."""

    def pace_features(self, features: Tensor) -> Tensor:
        """Maps features (N, F, T') to what the pace head averages over time, as many of F a step."""
        return features


class StreamOutput(NamedTuple):
    """What a network says about N clips; never in less than float32.

    Attributes:
        frame_logits: (N, T', C), one row for each time step of the network (I3D: 8 for 16 frames; CLIP: each frame).
        video_logits: (N, C), their mean over time.
        pace_logits: (N, paces), mean over time, or None without a pace head.
        features: (N, F), averaged over space and time, before dropout.
    """

    frame_logits: Tensor
    video_logits: Tensor
    pace_logits: Tensor | None
    features: Tensor


class RunNetwork(nn.Module):
    """The network of a run.

    Args:
        network: the classifier; its weights are what a checkpoint keeps.
        pace_classes: paces that a pace head tells apart; 0 for no head.
        transfer_loss: a loss whose own weights are trained with the network's, or None.
    """

    def __init__(self, network: StreamNetwork, pace_classes: int = 0, transfer_loss: nn.Module | None = None) -> None:
        super().__init__()
        self.network, self.transfer_loss = network, transfer_loss
        self.pace_head = Unit3D(network.feature_size, pace_classes, head=True) if pace_classes else None

    def forward(self, clips: Tensor) -> StreamOutput:
        """Runs the network and its pace head on clips (N, 3 or 2, T, H, W) in [-1, 1].

        Raises:
            UserError: clips of another shape.
        """
        features = self.network.features(clips)
        dropped = self.network.dropout(features)
        frame_logits = at_least_float32(self.network.classify(dropped)).transpose(1, 2)
        pace_logits = None
        if self.pace_head is not None:
            steps = self.network.pace_features(dropped)[..., None, None]
            pace_logits = at_least_float32(self.pace_head(steps)).mean(dim=(2, 3, 4))
        return StreamOutput(frame_logits, frame_logits.mean(dim=1), pace_logits, at_least_float32(features).mean(dim=2))


def upsample_logits(frame_logits: Tensor, frames: int) -> Tensor:
    """Interpolates logits linearly in time, from the network's steps to the frames of the clip (as I3D trains).

    Args:
        frame_logits: (N, T', C).
        frames: K.

    Returns:
        (N, C, K), the layout of the losses.
    """
    return F.interpolate(frame_logits.transpose(1, 2), size=frames, mode="linear", align_corners=False)

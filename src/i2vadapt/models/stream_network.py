"""The interface of a network, and the network of a run with the heads that training adds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from i2vadapt.models.layers import Unit3D
from i2vadapt.runtime.precision import at_least_float32


class StreamNetwork(nn.Module, ABC):
    """A classifier of clips in two halves: from clips to features over time, and from features to logits.

    Attributes:
        feature_size: number of features F of a time step.
        dropout: layer that is applied between the two halves.
    """

    feature_size: int
    dropout: nn.Module

    @abstractmethod
    def features(self, clips: Tensor) -> Tensor:
        """Maps clips (N, channels, T, H, W) in [-1, 1] to features (N, F, T') at T' time steps."""

    @abstractmethod
    def classify(self, features: Tensor) -> Tensor:
        """Maps features (N, F, T') to logits (N, C, T'), without dropout."""

    def new_layers(self) -> list[nn.Module]:
        """Layers that keep random weights when trained ones are loaded."""
        return [layer for name, layer in self.named_children() if name in ("bottleneck", "logits")]

    def pace_features(self, features: Tensor) -> Tensor:
        """Maps features (N, F, T') to the input (N, F, T'') of the pace head, which averages its output over time."""
        return features


class StreamOutput(NamedTuple):
    """Output of a network for N clips, in at least float32.

    Attributes:
        frame_logits: logits (N, T', C), one row per time step of the network (I3D: 8 for 16 frames; CLIP: every
            frame).
        video_logits: mean (N, C) of `frame_logits` over time.
        pace_logits: pace logits (N, paces), averaged over time; None without a pace head.
        features: features (N, F), averaged over space and time, before dropout.
    """

    frame_logits: Tensor
    video_logits: Tensor
    pace_logits: Tensor | None
    features: Tensor


class RunNetwork(nn.Module):
    """The network of a run, with the modules that are needed in training only.

    Args:
        network: classifier, whose weights are the ones that a checkpoint keeps.
        pace_classes: number of paces that the pace head distinguishes; 0 omits the head.
        transfer_loss: loss whose weights are trained together with the network's, or None.
    """

    def __init__(self, network: StreamNetwork, pace_classes: int = 0, transfer_loss: nn.Module | None = None) -> None:
        super().__init__()
        self.network, self.transfer_loss = network, transfer_loss
        self.pace_head = Unit3D(network.feature_size, pace_classes, head=True) if pace_classes else None

    def forward(self, clips: Tensor) -> StreamOutput:
        """Applies the network and its pace head.

        Args:
            clips: clips (N, channels, T, H, W) in [-1, 1], with 3 channels for RGB and 2 for flow.

        Raises:
            UserError: if the clips have another shape.
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
    """Interpolates logits linearly in time, from the network's time steps to the frames of the clip, as I3D trains.

    Args:
        frame_logits: logits (N, T', C).
        frames: number of frames K of the clip.

    Returns:
        Logits (N, C, K), the layout that the losses expect.
    """
    return F.interpolate(frame_logits.transpose(1, 2), size=frames, mode="linear", align_corners=False)

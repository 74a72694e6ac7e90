"""What the two-stream classifier asks of the network of a stream."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn


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

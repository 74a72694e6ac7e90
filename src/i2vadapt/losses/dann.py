"""Domain-adversarial training (Ganin et al. 2016, "Domain-Adversarial Training of Neural Networks")."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2vadapt.config.transfer import TransferSettings
from i2vadapt.losses.schedule import ramp
from i2vadapt.losses.transfer import Compared, TransferLoss

_HIDDEN = 1024


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, values: Tensor, strength: float) -> Tensor:
        context.strength = strength
        return values.view_as(values)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return -context.strength * gradients[0], None


def reverse_gradient(values: Tensor, strength: float) -> Tensor:
    """Reverses the gradient of values.

    Args:
        values: tensor of any shape.
        strength: factor of the reversed gradient, at least 0.

    Returns:
        The values unchanged; in the backward pass, their gradient is multiplied by minus the strength.
    """
    result: Tensor = _Reversal.apply(values, strength)
    return result


def domain_loss(source: Tensor, target: Tensor) -> Tensor:
    r"""Binary cross-entropy of a domain classifier, with equal weight for both domains; the source has label 1.

    .. math:: L = -\frac{1}{2n} \sum \log \sigma(s_i) - \frac{1}{2m} \sum \log (1 - \sigma(t_i))

    Args:
        source: logits (n,) of source videos.
        target: logits (m,) of target videos.

    Returns:
        Scalar; log 2 where the classifier guesses.
    """
    source_loss = F.binary_cross_entropy_with_logits(source, torch.ones_like(source))
    return (source_loss + F.binary_cross_entropy_with_logits(target, torch.zeros_like(target))) / 2


class DomainClassifier(nn.Module):
    """Perceptron with ReLU between its layers.

    Args:
        inputs: size of an input row: number of features (1024 for I3D) or of logits C.
        small: one hidden layer as wide as the input (CycDA, Lin et al. 2022), instead of two of 1024 units with a
            dropout of 0.5.
    """

    def __init__(self, inputs: int, small: bool = False) -> None:
        super().__init__()
        if small:
            self.layers = nn.Sequential(nn.Linear(inputs, inputs), nn.ReLU(), nn.Linear(inputs, 1))
            return
        self.layers = nn.Sequential(
            nn.Linear(inputs, _HIDDEN),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(_HIDDEN, _HIDDEN),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(_HIDDEN, 1),
        )

    def forward(self, values: Tensor) -> Tensor:
        """Maps rows (N, inputs) to logits (N,), which are positive for the source."""
        logits: Tensor = self.layers(values)
        return logits[:, 0]


class Loss(TransferLoss):
    """A domain classifier and the adversarial loss by which the network learns to deceive it.

    Args:
        settings: settings of the loss.
        feature_size: number of features F of the network.
        num_classes: number of classes C.
    """

    def __init__(self, settings: TransferSettings, feature_size: int, num_classes: int) -> None:
        super().__init__(settings, feature_size, num_classes)
        self.classifier = DomainClassifier(self.size, settings.domain_classifier == "small")

    def forward(self, source: Compared, target: Compared, progress: float) -> Tensor:
        """Computes `domain_loss`; its gradient is reversed before it reaches the network."""
        strength = ramp(progress)
        rows = (reverse_gradient(self.rows(compared), strength) for compared in (source, target))
        return domain_loss(*map(self.classifier, rows))

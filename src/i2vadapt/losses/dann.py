"""Domain-adversarial training (Ganin et al. 2016, "Domain-Adversarial Training of Neural Networks")."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2vadapt.losses.transfer import TransferLoss

_ALPHA = 10.0
_HIDDEN = 1024


def reversal_strength(progress: float) -> float:
    r"""Schedule of the reversed gradient, :math:`2 / (1 + \exp(-10 p)) - 1`.

    Args:
        progress: p, share of the training that is done, 0 to 1.

    Returns:
        0 at the beginning, nearly 1 at the end.
    """
    return 2 / (1 + math.exp(-_ALPHA * progress)) - 1


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, values: Tensor, strength: float) -> Tensor:
        context.strength = strength
        return values.view_as(values)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return -context.strength * gradients[0], None


def reverse_gradient(values: Tensor, strength: float) -> Tensor:
    """Passes values on as they are, and their gradient back times minus the strength."""
    result: Tensor = _Reversal.apply(values, strength)
    return result


def domain_loss(source: Tensor, target: Tensor) -> Tensor:
    r"""Cross-entropy of a domain classifier, both domains with the same weight; 1 is the source.

    .. math:: L = -\frac{1}{2n} \sum \log \sigma(s_i) - \frac{1}{2m} \sum \log (1 - \sigma(t_i))

    Args:
        source: (n,) logits for videos of the source.
        target: (m,) logits for videos of the target.

    Returns:
        Scalar; log 2 by guessing.
    """
    of_source = F.binary_cross_entropy_with_logits(source, torch.ones_like(source))
    return (of_source + F.binary_cross_entropy_with_logits(target, torch.zeros_like(target))) / 2


class DomainClassifier(nn.Module):
    """Two hidden layers of 1024 with ReLU and dropout of a half.

    Args:
        inputs: size of what it is given, 1024 features or C logits.
    """

    def __init__(self, inputs: int) -> None:
        super().__init__()
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
        """Logits (N,) for values (N, inputs); positive is source."""
        logits: Tensor = self.layers(values)
        return logits[:, 0]


class Loss(TransferLoss):
    """A domain classifier that the network learns to deceive."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.classifier = DomainClassifier(size)

    def forward(self, source: Tensor, target: Tensor, progress: float) -> Tensor:
        """Domain loss of both domains; its gradient is reversed on its way into the network."""
        strength = reversal_strength(progress)
        return domain_loss(*(self.classifier(reverse_gradient(values, strength)) for values in (source, target)))

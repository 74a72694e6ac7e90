"""Minimum class confusion (Jin et al. 2020, "Minimum Class Confusion for Versatile Domain Adaptation")."""

from __future__ import annotations

import torch
from torch import Tensor

from i2vadapt.losses.transfer import Compared, TransferLoss

_TEMPERATURE = 2.5


def certainty_weights(logits: Tensor) -> Tensor:
    r"""Weights of the videos of a batch, :math:`W_i \propto 1 + \exp(-H(\hat y_i))`, normalised to sum to N.

    Args:
        logits: logits (N, C) of N videos.

    Returns:
        Weights (N,), positive and without gradient, as in the paper.
    """
    log_p = (logits.detach() / _TEMPERATURE).log_softmax(dim=1)
    certainty = 1 + torch.exp((log_p.exp() * log_p).sum(dim=1))
    return len(logits) * certainty / certainty.sum()


def mcc(logits: Tensor, weights: Tensor | None = None) -> Tensor:
    r"""Confusion between classes in the predictions for unlabelled videos.

    .. math:: L = \frac{1}{C} \sum_{j} \sum_{k \ne j} \frac{c_{jk}}{\sum_l c_{jl}},
        \quad c_{jk} = \sum_i W_i \, \hat y_{ij} \, \hat y_{ik}, \quad \hat y = softmax(z / 2.5)

    Args:
        logits: logits (N, C) of N videos.
        weights: weights W (N,); None takes `certainty_weights`.

    Returns:
        Scalar in [0, 1).
    """
    weights = certainty_weights(logits) if weights is None else weights
    p = (logits / _TEMPERATURE).softmax(dim=1)
    confusion = (p * weights[:, None]).T @ p
    confusion = confusion / confusion.sum(dim=1, keepdim=True)
    return 1 - confusion.trace() / logits.shape[1]


class Loss(TransferLoss):
    """MCC of the target's logits."""

    def forward(self, source: Compared, target: Compared, progress: float) -> Tensor:
        """Computes `mcc` of the target; the source and the progress are unused."""
        return mcc(target.logits)

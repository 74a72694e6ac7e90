"""Batch nuclear-norm maximisation (Cui et al. 2020, "Towards Discriminability and Diversity")."""

from __future__ import annotations

import torch
from torch import Tensor

from i2vadapt.losses.transfer import Compared, TransferLoss


def bnm(logits: Tensor) -> Tensor:
    r"""Negative mean singular value of the matrix of class probabilities of unlabelled videos.

    .. math:: L = -\frac{1}{\min(N, C)} \| softmax(z) \|_*

    Confident predictions of many different classes make the nuclear norm large. The paper divides by N; its code takes
    the mean of the singular values, which is the same for N up to C and does not fade in larger batches.

    Args:
        logits: logits (N, C) of N videos.

    Returns:
        Scalar in [-sqrt(max(N, C)), 0).
    """
    return -torch.linalg.svdvals(logits.softmax(dim=1)).mean()


class Loss(TransferLoss):
    """BNM of the target's logits."""

    def forward(self, source: Compared, target: Compared, progress: float) -> Tensor:
        """Computes `bnm` of the target; the source and the progress are unused."""
        return bnm(target.logits)

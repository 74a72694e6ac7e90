"""Batch nuclear-norm maximisation (Cui et al. 2020, "Towards Discriminability and Diversity")."""

from __future__ import annotations

import torch
from torch import Tensor

from i2vadapt.losses.transfer import TransferLoss


def bnm(logits: Tensor) -> Tensor:
    r"""Minus the mean singular value of the matrix of probabilities of unlabelled videos.

    .. math:: L = -\frac{1}{\min(N, C)} \| softmax(z) \|_*

    Sure predictions of many classes make the nuclear norm large. The paper divides by N; its code takes the mean of the
    singular values, which is the same up to N = C and does not fade in larger batches.

    Args:
        logits: (N, C).

    Returns:
        Scalar in [-sqrt(max(N, C)), 0).
    """
    return -torch.linalg.svdvals(logits.softmax(dim=1)).mean()


class Loss(TransferLoss):
    """BNM of the target's logits."""

    def forward(self, source: Tensor, target: Tensor, progress: float) -> Tensor:
        """See `bnm`; the source and the progress play no part."""
        return bnm(target)

"""Fast batch nuclear-norm maximisation (Cui et al. 2021, "Fast Batch Nuclear-norm Maximization and Minimization")."""

from __future__ import annotations

import torch
from torch import Tensor

from i2vadapt.losses.transfer import Compared, TransferLoss


def fbnm(logits: Tensor) -> Tensor:
    r"""Negative mean of the largest column norms of the matrix of class probabilities of unlabelled videos.

    Where predictions are confident, the columns of the matrix are nearly orthogonal and their norms approximate its
    singular values, of which `bnm` is the mean. No decomposition is needed.

    Args:
        logits: logits (N, C) of N videos.

    Returns:
        Scalar in [-sqrt(max(1, N / C)), 0), the mean over the min(N, C) largest norms.
    """
    norms = torch.linalg.vector_norm(logits.softmax(dim=1), dim=0)
    return -norms.topk(min(logits.shape)).values.mean()


class Loss(TransferLoss):
    """FBNM of the target's logits."""

    def forward(self, source: Compared, target: Compared, progress: float) -> Tensor:
        """Computes `fbnm` of the target; the source and the progress are unused."""
        return fbnm(target.logits)

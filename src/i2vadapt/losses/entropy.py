"""Entropy of the target's predictions, as AutoDIAL minimises it (Carlucci et al. 2017)."""

from __future__ import annotations

from torch import Tensor

from i2vadapt.losses.transfer import Compared, TransferLoss


def entropy(logits: Tensor) -> Tensor:
    r"""Mean entropy of the predictions, :math:`-\frac{1}{N} \sum_i \sum_c p_{ic} \log p_{ic}`.

    Args:
        logits: logits (N, C) of N videos.

    Returns:
        Scalar from 0 to log C.
    """
    log_p = logits.log_softmax(dim=1)
    return -(log_p.exp() * log_p).sum(dim=1).mean()


class Loss(TransferLoss):
    """Entropy of the target's predictions."""

    def forward(self, source: Compared, target: Compared, progress: float) -> Tensor:
        """Computes `entropy` of the target; the source and the progress are unused."""
        return entropy(target.logits)

"""Loss of the video pace prediction (paper section 3.3)."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def pace_loss(logits: Tensor, rates: Tensor) -> Tensor:
    r"""Video pace prediction loss (Eq. 5).

    .. math:: L_{vc} = \frac{1}{B} \sum_{i=1}^{B} CE(\hat r_i, r_i)

    Args:
        logits: logits (N, paces) of the paces 1, 2, ... in order.
        rates: true paces (N,), int64, counted from 1.

    Returns:
        Scalar, the mean over the batch.
    """
    return F.cross_entropy(logits, rates - 1)

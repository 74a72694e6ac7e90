"""Loss of the video pace prediction (paper section 3.3), and how often each pace is taken for each."""

from __future__ import annotations

import torch
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


def count_paces(logits: Tensor, rates: Tensor) -> Tensor:
    """Counts clips by true and predicted pace, without waiting for the device.

    Args:
        logits: logits (N, paces) of the paces 1, 2, ... in order.
        rates: true paces (N,), int64, counted from 1.

    Returns:
        Numbers of clips (paces, paces), int64: rows are true paces, columns are predicted ones.
    """
    paces = logits.shape[1]
    places = (rates - 1) * paces + logits.argmax(1)
    counts = torch.zeros(paces * paces, dtype=torch.int64, device=logits.device)
    return counts.index_add_(0, places, torch.ones_like(places)).view(paces, paces)

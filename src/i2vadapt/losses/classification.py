"""Classification losses (paper Eqs. 2 to 4), each as in the paper and as in the released code."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from i2vadapt.config.run import LossKind
from i2vadapt.errors import UserError


def video_loss(logits: Tensor, labels: Tensor, kind: LossKind = "ce") -> Tensor:
    r"""Classification loss of whole videos, for one stream (one term of Eq. 3 and of Eq. 4).

    .. math:: L_c = \frac{1}{B} \sum_{i=1}^{B} CE(\bar p_i, y_i)

    Args:
        logits: logits (N, C), averaged over time.
        labels: labels (N,), int64 in 0..C-1.
        kind: "ce" for softmax cross-entropy (the paper), or "bce" for sigmoid cross-entropy against one-hot labels,
            averaged over the classes as well (the released code).

    Returns:
        Scalar, the mean over the batch.

    Raises:
        UserError: if the kind is unknown.
    """
    return local_loss(logits[:, :, None], labels, kind)


def local_loss(logits: Tensor, labels: Tensor, kind: LossKind = "ce") -> Tensor:
    r"""Local, frame-level loss (Eq. 2): every frame has the label of its video.

    .. math:: L_{loc} = \frac{1}{BK} \sum_{i=1}^{B} \sum_{k=1}^{K} CE(p_{ik}, y_i)

    Args:
        logits: logits (N, C, K), one column for each of the K frames.
        labels: labels (N,), int64 in 0..C-1.
        kind: see `video_loss`.

    Returns:
        Scalar, the mean over batch and frames.

    Raises:
        UserError: if the kind is unknown.
    """
    if kind == "ce":
        return F.cross_entropy(logits, labels[:, None].expand(-1, logits.shape[2]))
    if kind == "bce":
        targets = F.one_hot(labels, logits.shape[1]).to(logits.dtype)
        return F.binary_cross_entropy_with_logits(logits, targets[:, :, None].expand_as(logits))
    raise UserError(f"loss is {kind!r}; allowed: ce, bce")


@torch.no_grad()
def true_class_probability(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean softmax probability of the true classes: the accuracy of predictions drawn from the probabilities.

    Args:
        logits: logits (N, C).
        labels: labels (N,), int64 in 0..C-1.

    Returns:
        Scalar from 0 to 1, without a gradient; 1/C is chance.
    """
    return logits.softmax(1).gather(1, labels[:, None]).mean()

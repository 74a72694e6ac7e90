"""Cross-entropy of the videos whose pseudo-labels the network believes most (small-loss selection)."""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn import functional as F

_ROUNDING = 1e-9


def small_loss_cross_entropy(logits: Tensor, labels: Tensor, keep: float) -> Tensor:
    """Cross-entropy over the share of the labelled videos with the smallest loss.

    Networks learn wrong labels later than right ones, so a small loss indicates a right label.

    Args:
        logits: logits (N, C), averaged over time.
        labels: pseudo-labels (N,), int64 in 0..C-1; -1 for videos without one, which are ignored.
        keep: share of the labelled videos that counts, above 0 and at most 1; rounded up to whole videos.

    Returns:
        Scalar, the mean over the videos that count; 0, with a gradient of 0, if no video has a label.
    """
    labelled = labels >= 0
    losses = F.cross_entropy(logits[labelled], labels[labelled], reduction="none")
    if not len(losses):
        return losses.sum()
    count = math.ceil(keep * len(losses) - _ROUNDING)  # 0.28 * 25 is slightly more than 7
    return losses.sort().values[: max(count, 1)].mean()

"""Class-aware contrast between frames and photographs (Lin et al. 2022, "CycDA", stage 3)."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def contrast(frames: Tensor, same: Tensor, other: Tensor, complete: Tensor, temperature: float = 0.05) -> Tensor:
    r"""Contrast of frames with a photograph of their own class and one of another class.

    .. math:: -\frac{1}{n} \sum_i \log \frac{e^{\cos(t_i, s_i^+) / \tau}}
        {e^{\cos(t_i, s_i^+) / \tau} + e^{\cos(t_i, s_i^-) / \tau}}

    Args:
        frames: features t (N, F) of frames.
        same: feature :math:`s^+` (N, F) of a photograph of the class of each frame.
        other: feature :math:`s^-` (N, F) of a photograph of another class.
        complete: booleans (N,): whether a frame has both photographs; the other frames are ignored.
        temperature: temperature :math:`\tau` of the cosines.

    Returns:
        Scalar, the mean over the n complete frames; log 2 where the photographs are equally near; 0, with a gradient
        of 0, if no frame is complete.
    """
    frames = frames[complete]
    nearer = F.cosine_similarity(frames, same[complete]) - F.cosine_similarity(frames, other[complete])
    losses = F.softplus(-nearer / temperature)
    return losses.mean() if len(losses) else losses.sum()

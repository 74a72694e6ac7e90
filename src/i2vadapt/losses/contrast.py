"""Class-aware contrast between frames and photographs (Lin et al. 2022, "CycDA", stage 3)."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

_TEMPERATURE = 0.05


def contrast(frames: Tensor, same: Tensor, other: Tensor, complete: Tensor) -> Tensor:
    r"""Contrast of frames with a photograph of their own class and one of another class.

    .. math:: -\frac{1}{n} \sum_i \log \frac{e^{\cos(t_i, s_i^+) / \tau}}
        {e^{\cos(t_i, s_i^+) / \tau} + e^{\cos(t_i, s_i^-) / \tau}}, \quad \tau = 0.05

    Args:
        frames: features t (N, F) of frames.
        same: feature :math:`s^+` (N, F) of a photograph of the class of each frame.
        other: feature :math:`s^-` (N, F) of a photograph of another class.
        complete: booleans (N,): whether a frame has both photographs; the other frames are ignored.

    Returns:
        Scalar, the mean over the n complete frames; log 2 where the photographs are equally near; 0, with a gradient
        of 0, if no frame is complete.
    """
    frames = frames[complete]
    nearer = F.cosine_similarity(frames, same[complete]) - F.cosine_similarity(frames, other[complete])
    losses = F.softplus(-nearer / _TEMPERATURE)
    return losses.mean() if len(losses) else losses.sum()

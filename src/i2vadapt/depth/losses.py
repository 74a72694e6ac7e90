"""Loss for inverse depth of unknown scale and shift (MiDaS: Ranftl et al., TPAMI 2022)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

_SMALLEST_SCALE = 1e-3  # keeps a flat prediction at the start of training from blowing up


def standardise(inverse_depth: Tensor) -> Tensor:
    """Removes shift and scale: median 0 and mean absolute deviation 1 in each image (MiDaS, equations 5 and 6).

    Args:
        inverse_depth: maps (N, H, W).
    """
    flat = inverse_depth.flatten(1)
    centred = flat - flat.median(dim=1, keepdim=True).values
    scale = centred.abs().mean(dim=1, keepdim=True).clamp_min(_SMALLEST_SCALE)
    return (centred / scale).view_as(inverse_depth)


def gradient_matching(difference: Tensor, scales: int = 4) -> Tensor:
    """Mean absolute gradient of a difference of maps (N, H, W), summed over scales (MiDaS, equation 11)."""
    total = difference.new_zeros(())
    for scale in range(scales):
        step = difference[:, :: 2**scale, :: 2**scale]
        total = total + step.diff(dim=1).abs().mean() + step.diff(dim=2).abs().mean()
    return total


def scale_and_shift_invariant_loss(prediction: Tensor, target: Tensor, gradient_weight: float = 0.5) -> Tensor:
    """Mean absolute difference of standardised maps, with gradient matching.

    A small term keeps predictions positive: as the shift is free, nothing else would keep them from being cut off by
    a final ReLU.

    Args:
        prediction: inverse depth (N, H, W) before any ReLU.
        target: true inverse depth (N, H, W).
        gradient_weight: weight of the gradient matching.
    """
    difference = standardise(prediction) - standardise(target)
    loss = difference.abs().mean() + gradient_weight * gradient_matching(difference)
    return loss + torch.mean(F.relu(-prediction))

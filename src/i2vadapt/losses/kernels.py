"""Gaussian kernels of samples, and the distance between two samples by a kernel."""

from __future__ import annotations

import torch
from torch import Tensor

_FACTORS = tuple(2.0**power for power in range(-2, 3))
_SMALLEST_BANDWIDTH = 1e-30  # for equal rows; its inverse, and so the gradient, is still finite in float32


def squared_distances(rows: Tensor) -> Tensor:
    """Squared Euclidean distances (n, n) between all pairs of n rows (n, F)."""
    # Explicit differences: expanding the square into products loses all digits of small distances in float32.
    return (rows[:, None] - rows[None]).square().sum(dim=2)


def five_gaussians(distances: Tensor, bandwidth: Tensor | None = None) -> Tensor:
    r"""Kernel of several widths, :math:`k = \sum_{p=-2}^{2} \exp(-d / (2^p \gamma))`.

    Args:
        distances: squared distances d (n, n) between all pairs of at least two rows.
        bandwidth: scalar gamma; None takes the mean of d between different rows, as a constant without gradient.

    Returns:
        Kernel matrix (n, n), with values from 0 to 5.
    """
    if bandwidth is None:
        count = len(distances)
        bandwidth = distances.detach().sum() / (count * (count - 1))
    scale = bandwidth.clamp_min(_SMALLEST_BANDWIDTH)
    return torch.stack([torch.exp(-distances / (factor * scale)) for factor in _FACTORS]).sum(dim=0)


def discrepancy(kernel: Tensor, sources: int) -> Tensor:
    """Squared distance between the mean embeddings of two samples, over all pairs.

    Batches of 16 videos are too small for the linear-time estimate, which uses n/2 of the n^2 pairs.

    Args:
        kernel: kernel matrix of the rows of both samples, those of the source first.
        sources: number of rows n of the source, at least one and not all.

    Returns:
        Scalar, at least 0; 0 for equal samples.
    """
    n = sources
    return kernel[:n, :n].mean() + kernel[n:, n:].mean() - 2 * kernel[:n, n:].mean()

"""Maximum mean discrepancy with several kernels (Long et al. 2015, "Learning Transferable Features with DAN")."""

from __future__ import annotations

import torch
from torch import Tensor

from i2vadapt.losses.transfer import Compared, TransferLoss

_FACTORS = tuple(2.0**power for power in range(-2, 3))
_SMALLEST_BANDWIDTH = 1e-30  # for equal rows; its inverse, and so the gradient, is still finite in float32


def mk_mmd(source: Tensor, target: Tensor, bandwidth: Tensor | None = None) -> Tensor:
    r"""Squared distance between the mean embeddings of two samples, over all pairs.

    .. math:: \frac{1}{n^2} \sum k(s_i, s_j) + \frac{1}{m^2} \sum k(t_i, t_j) - \frac{2}{nm} \sum k(s_i, t_j),
        \quad k(a, b) = \sum_{p=-2}^{2} \exp\left(-\frac{|a - b|^2}{2^p \gamma}\right)

    Batches of 16 videos are too small for the linear-time estimate, which uses n/2 of the n^2 pairs.

    Args:
        source: source rows (n, F), at least one.
        target: target rows (m, F), at least one.
        bandwidth: scalar gamma; None takes the mean squared distance between different rows of the two samples
            together, as a constant without gradient.

    Returns:
        Scalar, at least 0; 0 for equal samples.
    """
    rows = torch.cat([source, target])
    # Explicit differences: expanding the square into products loses all digits of small distances in float32.
    distances = (rows[:, None] - rows[None]).square().sum(dim=2)
    if bandwidth is None:
        count = len(rows)
        bandwidth = distances.detach().sum() / (count * (count - 1))
    scale = bandwidth.clamp_min(_SMALLEST_BANDWIDTH)
    kernel = torch.stack([torch.exp(-distances / (factor * scale)) for factor in _FACTORS]).sum(dim=0)
    n = len(source)
    return kernel[:n, :n].mean() + kernel[n:, n:].mean() - 2 * kernel[:n, n:].mean()


class Loss(TransferLoss):
    """MK-MMD between the domains."""

    def forward(self, source: Compared, target: Compared, progress: float) -> Tensor:
        """Computes `mk_mmd` of the two domains; the progress is unused."""
        return mk_mmd(self.rows(source), self.rows(target))

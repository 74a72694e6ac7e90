"""Maximum mean discrepancy with several kernels (Long et al. 2015, "Learning Transferable Features with DAN")."""

from __future__ import annotations

import torch
from torch import Tensor

from i2vadapt.losses.kernels import discrepancy, five_gaussians, squared_distances
from i2vadapt.losses.transfer import Compared, TransferLoss


def mk_mmd(source: Tensor, target: Tensor, bandwidth: Tensor | None = None) -> Tensor:
    r"""Squared distance between the mean embeddings of two samples.

    .. math:: \frac{1}{n^2} \sum k(s_i, s_j) + \frac{1}{m^2} \sum k(t_i, t_j) - \frac{2}{nm} \sum k(s_i, t_j)

    Args:
        source: source rows (n, F), at least one.
        target: target rows (m, F), at least one.
        bandwidth: see `five_gaussians`, which is the kernel k; None takes that of the two samples together.

    Returns:
        Scalar, at least 0; 0 for equal samples.
    """
    distances = squared_distances(torch.cat([source, target]))
    return discrepancy(five_gaussians(distances, bandwidth), len(source))


class Loss(TransferLoss):
    """MK-MMD between the domains."""

    def forward(self, source: Compared, target: Compared, progress: float) -> Tensor:
        """Computes `mk_mmd` of the two domains; the progress is unused."""
        return mk_mmd(self.rows(source), self.rows(target))

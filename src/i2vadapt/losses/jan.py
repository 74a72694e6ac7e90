"""Joint maximum mean discrepancy (Long et al. 2017, "Deep Transfer Learning with Joint Adaptation Networks")."""

from __future__ import annotations

import torch
from torch import Tensor

from i2vadapt.losses.kernels import discrepancy, five_gaussians, squared_distances
from i2vadapt.losses.schedule import ramp
from i2vadapt.losses.transfer import Compared, TransferLoss

_SCALE_OF_PROBABILITIES = 1.68


def jmmd(source: Compared, target: Compared, bandwidth: Tensor | None = None) -> Tensor:
    r"""Squared distance between the joint mean embeddings of features f and class probabilities p of two samples.

    .. math:: \frac{1}{n^2} \sum k(s_i, s_j) + \frac{1}{m^2} \sum k(t_i, t_j) - \frac{2}{nm} \sum k(s_i, t_j),
        \quad k(a, b) = k_5(f_a, f_b) \exp\left(-\frac{|p_a - p_b|^2}{1.68}\right)

    Args:
        source: features and logits of n source videos, at least one.
        target: features and logits of m target videos, at least one.
        bandwidth: see `five_gaussians`, which is the kernel :math:`k_5` of the features; None takes that of the two
            samples together.

    Returns:
        Scalar, at least 0; 0 for equal samples.
    """
    features = torch.cat([source.features, target.features])
    probabilities = torch.cat([source.logits, target.logits]).softmax(dim=1)
    alike = torch.exp(-squared_distances(probabilities) / _SCALE_OF_PROBABILITIES)
    return discrepancy(five_gaussians(squared_distances(features), bandwidth) * alike, len(source.logits))


class Loss(TransferLoss):
    """JMMD between the domains, which grows during the training; `inputs` is unused."""

    def forward(self, source: Compared, target: Compared, progress: float) -> Tensor:
        """Computes `jmmd` of the two domains, multiplied by the `ramp`."""
        return ramp(progress) * jmmd(source, target)

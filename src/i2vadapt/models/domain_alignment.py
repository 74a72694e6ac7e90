r"""Domain-alignment layers (Carlucci et al. 2017, "AutoDIAL: Automatic DomaIn Alignment Layers").

Such a layer takes the place of a batch normalisation. In training it normalises each domain by moments that mix those
of both domains; a learned :math:`\alpha` per layer decides how much:

.. math:: \mu_{st} = \alpha \mu_s + (1 - \alpha) \mu_t, \quad
    \sigma^2_{st} = \alpha E_s[(x - \mu_{st})^2] + (1 - \alpha) E_t[(x - \mu_{st})^2]

for the source, and the same with s and t exchanged for the target. With :math:`\alpha = 1` each domain has its own
moments; with 0.5 both have the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2vadapt.runtime.precision import at_least_float32

FILLED_IN = ("alpha", "source_running_mean", "source_running_var", "num_batches_tracked")
"""Names in the state of a layer that the state of a batch normalisation may lack."""
_SMALLEST_ALPHA, _LARGEST_ALPHA = 0.5, 1.0


class _Moments(NamedTuple):
    """Moments (C,) over rows and positions, the variance with divisor n, and their number n."""

    mean: Tensor
    variance: Tensor
    size: int


class DomainAlignment(nn.Module):
    """Takes the place of a `BatchNorm2d` or `BatchNorm3d`, with its weights and the statistics of the same names.

    A batch holds the rows of the source, then those of the target; `split_batches` sets how many. In evaluation, every
    row is normalised by the running statistics of the target.

    Args:
        norm: layer to replace, with weights and running statistics. Its momentum and its epsilon are kept, its
            parameters and buffers become those of this layer.

    Attributes:
        alpha: share of a domain's own moments, a parameter from 0.5 to 1, initially 1.
        weight: factors (C,), shared by the domains.
        bias: offsets (C,), shared by the domains.
        running_mean: running mean (C,) by which the target is normalised.
        running_var: running variance (C,) by which the target is normalised, without bias.
        source_running_mean: running mean (C,) by which the source is normalised.
        source_running_var: running variance (C,) by which the source is normalised, without bias.
        num_batches_tracked: number of batches that the running statistics have seen.
        source_rows: number of first rows of a batch that belong to the source; None outside `split_batches`.

    Raises:
        ValueError: if the layer to replace lacks weights or running statistics.
    """

    running_mean: Tensor
    running_var: Tensor
    source_running_mean: Tensor
    source_running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, norm: nn.BatchNorm2d | nn.BatchNorm3d) -> None:
        super().__init__()
        if norm.running_mean is None or norm.running_var is None or not norm.affine:
            raise ValueError(f"{norm} lacks weights or running statistics and cannot be aligned")
        self.eps, self.momentum = norm.eps, norm.momentum
        self.weight, self.bias = norm.weight, norm.bias
        self.alpha = nn.Parameter(torch.ones_like(norm.weight[0]))
        for name in ("running_mean", "running_var", "num_batches_tracked"):
            self.register_buffer(name, getattr(norm, name))
        self.register_buffer("source_running_mean", norm.running_mean.clone())
        self.register_buffer("source_running_var", norm.running_var.clone())
        self.source_rows: int | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Normalises (N, C, H, W) or (N, C, T, H, W).

        Raises:
            ValueError: in training, if the batch is not split into rows of both domains, or if a domain has only one
                value per channel.
        """
        if not self.training:
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        if self.source_rows is None or not 0 < self.source_rows < len(x):
            raise ValueError(
                f"{self.source_rows} of {len(x)} rows belong to the source: training of domain-alignment layers needs"
                " rows of both domains, inside split_batches"
            )
        # Through .data: a second pass before the backward pass must not invalidate the alpha that the first has saved.
        self.alpha.data.clamp_(_SMALLEST_ALPHA, _LARGEST_ALPHA)
        source, target = at_least_float32(x).tensor_split([self.source_rows])
        of_source, of_target = _moments(source), _moments(target)
        for_source, for_target = self._mix(of_source, of_target), self._mix(of_target, of_source)
        self._track(for_source, for_target)
        return torch.cat([self._normalise(source, *for_source), self._normalise(target, *for_target)]).to(x.dtype)

    def _mix(self, own: _Moments, other: _Moments) -> tuple[Tensor, Tensor, Tensor]:
        """Mixed mean and variance (C,), and the factor that makes the variance unbiased.

        E_s[(x - mu_st)^2] is the variance of the source plus (mu_s - mu_st)^2; the two squares add up to the last term.
        """
        share, rest = self.alpha, 1 - self.alpha
        mean = share * own.mean + rest * other.mean
        difference = own.mean - other.mean
        variance = share * own.variance + rest * other.variance + share * rest * difference.square()
        # The factor of samples with weights w, 1 / (1 - sum w^2): n / (n - 1) for one domain or two of equal size.
        unbiased = 1 / (1 - share.detach().square() / own.size - rest.detach().square() / other.size)
        return mean, variance, unbiased

    def _normalise(self, values: Tensor, mean: Tensor, variance: Tensor, _: Tensor) -> Tensor:
        scale = (variance + self.eps).rsqrt() * self.weight
        shape = (-1, *(1,) * (values.ndim - 2))
        return (values - mean.view(shape)) * scale.view(shape) + self.bias.view(shape)

    @torch.no_grad()
    def _track(self, for_source: tuple[Tensor, Tensor, Tensor], for_target: tuple[Tensor, Tensor, Tensor]) -> None:
        self.num_batches_tracked.add_(1)
        momentum = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        for prefix, (mean, variance, unbiased) in (("source_", for_source), ("", for_target)):
            self.get_buffer(f"{prefix}running_mean").lerp_(mean, momentum)
            self.get_buffer(f"{prefix}running_var").lerp_(variance * unbiased, momentum)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *others: Any) -> None:
        """Accepts the state of a batch normalisation, with or without a counter: both domains start alike."""
        for name in ("mean", "var"):
            running = state_dict.get(f"{prefix}running_{name}")
            if running is not None:
                state_dict.setdefault(f"{prefix}source_running_{name}", running.clone())
        for name in ("alpha", "num_batches_tracked"):
            state_dict.setdefault(prefix + name, getattr(self, name).detach())
        super()._load_from_state_dict(state_dict, prefix, *others)


def _moments(values: Tensor) -> _Moments:
    size = values.numel() // values.shape[1]
    if size < 2:
        raise ValueError(f"a domain has only one value per channel: {tuple(values.shape)}")
    variance, mean = torch.var_mean(values, dim=(0, *range(2, values.ndim)), correction=0)
    return _Moments(mean, variance, size)


def align_domains(module: nn.Module) -> nn.Module:
    """Replaces all `BatchNorm2d` and `BatchNorm3d` layers of a module; layers of a subclass stay.

    Args:
        module: network whose layers are replaced in place, or one such layer.

    Returns:
        The module, or the layer that takes the place of a single one.
    """
    if type(module) is nn.BatchNorm2d or type(module) is nn.BatchNorm3d:
        return DomainAlignment(module).train(module.training)
    for name, child in module.named_children():
        setattr(module, name, align_domains(child))
    return module


@contextmanager
def split_batches(network: nn.Module, source_rows: int) -> Iterator[None]:
    """Sets for all domain-alignment layers of a network which rows of a batch belong to the source.

    Args:
        network: network with domain-alignment layers; without any, nothing changes.
        source_rows: number of first rows that belong to the source, counted as the layers see them: a clip of T frames
            is T rows of a network of single frames.
    """
    layers = [module for module in network.modules() if isinstance(module, DomainAlignment)]
    for layer in layers:
        layer.source_rows = source_rows
    try:
        yield
    finally:
        for layer in layers:
            layer.source_rows = None

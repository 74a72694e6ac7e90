"""Cross-modality initialisation: a flow network that starts from RGB weights (Wang et al. 2016)."""

from __future__ import annotations

from torch import Tensor

from i2vadapt.config.run import TrainingSettings


def inflates(settings: TrainingSettings) -> bool:
    """Whether the run is a flow run whose network starts from RGB weights."""
    has_own_weights = settings.network == "i3d" and settings.init.flow is not None
    return settings.stream == "flow" and bool(settings.initial_weights) and not has_own_weights


def inflate_kernel(kernel: Tensor) -> Tensor:
    """Converts the first kernel of an RGB network to that of a flow network.

    The kernel is averaged over the 3 colours, repeated for u and v, and scaled by 3/2. An input that is equal in all
    channels then gives the same response as before, so the statistics of the normalisation after it still fit.
    Averaging and repeating follow Wang et al. (2016, "Temporal Segment Networks"); the scale is ours.

    Args:
        kernel: kernel (out, 3, kt, kh, kw), left unchanged.

    Returns:
        Kernel (out, 2, kt, kh, kw).
    """
    return kernel.mean(dim=1, keepdim=True).repeat(1, 2, 1, 1, 1) * (3 / 2)

"""Schedule of the losses that grow during the training."""

from __future__ import annotations

import math

_STEEPNESS = 10.0


def ramp(progress: float) -> float:
    r"""Factor of a loss that starts when the features mean something (Ganin et al. 2016), :math:`2/(1 + e^{-10p}) - 1`.

    Args:
        progress: share p of the training that is done, 0 to 1.

    Returns:
        Factor from 0 at the start of the training to nearly 1 at its end; 0.99 after half of it.
    """
    return 2 / (1 + math.exp(-_STEEPNESS * progress)) - 1

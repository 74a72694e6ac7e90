"""Tells source from target by features or logits (the adversary of DANN)."""

from __future__ import annotations

from torch import Tensor, nn

_HIDDEN = 1024


class DomainClassifier(nn.Module):
    """Two hidden layers of 1024 with ReLU and dropout of a half.

    Args:
        inputs: size of what it is given, 1024 features or C logits.
    """

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(inputs, _HIDDEN),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(_HIDDEN, _HIDDEN),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(_HIDDEN, 1),
        )

    def forward(self, values: Tensor) -> Tensor:
        """Logits (N,) for values (N, inputs); positive is source."""
        logits: Tensor = self.layers(values)
        return logits[:, 0]

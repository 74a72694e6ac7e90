"""A network with its initial weights: CLIP classifies without training, and others give features."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from i2vadapt.config.recipes.pretrained import Settings
from i2vadapt.recipes import base
from i2vadapt.recipes.base import LossPart


class Recipe(base.Recipe[Settings]):
    """Scores the videos once, without a step of training."""

    @property
    def steps(self) -> int:
        """None."""
        return 0

    def batches(self, epoch: int, first: int) -> Iterator[Any]:
        """Yields nothing."""
        return iter(())

    def loss_parts(self, batch: Any, progress: float) -> Iterator[LossPart]:
        """Yields nothing."""
        return iter(())

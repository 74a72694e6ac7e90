"""Contrast of pseudo-labelled target frames with photographs (CycDA, stage 3; Lin et al. 2022)."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from i2vadapt.adaptation.source_features import SourceFeatures
from i2vadapt.clips.batches import Sample
from i2vadapt.config.recipes.frames import ContrastSettings
from i2vadapt.losses.contrast import contrast
from i2vadapt.recipes.base import Context, Row
from i2vadapt.recipes.teacher import describe_labels, teacher_labels

_PURPOSE = 7  # of the random numbers; see clips/batches.py for others


class FrameContrast:
    """Draws every labelled frame near to a photograph of its class and away from one of another class.

    The features of a photograph are those of the last time that it was seen. With several processes, each knows the
    photographs that it has seen itself.

    Args:
        settings: settings of the contrast.
        context: data of the run and the scores of the teacher.
        feature_size: number of features F of the network.

    Attributes:
        described: number of pseudo-labels and, for a labelled target, the share of right ones.
    """

    def __init__(self, settings: ContrastSettings, context: Context, feature_size: int) -> None:
        self._settings = settings
        domains, teacher = context.domains, settings.teacher
        self._labels = teacher_labels(teacher, context.teachers[teacher.run], domains.target.items)
        self._photographs = SourceFeatures(domains.source.labels, feature_size)
        self._rng = np.random.default_rng([context.seed, _PURPOSE])
        self.described: Row = describe_labels(self._labels, domains.target.labels)

    def loss(self, photographs: Sample, seen: Tensor, frames: Sample, features: Tensor) -> Tensor:
        """Weighted contrast of a batch; its photographs are remembered first.

        Args:
            photographs: batch of `PhotographClips`.
            seen: features (n, F) of the photographs.
            frames: batch of `TargetFrames`.
            features: features (m, F) of the frames.

        Returns:
            Scalar; 0 while no frame has both photographs.
        """
        self._photographs.store(photographs["index"].numpy(), seen)
        drawn = self._photographs.draw(self._labels[frames["index"].numpy()], self._rng)
        return self._settings.weight * contrast(features, *drawn, self._settings.temperature)

    def state_dict(self) -> dict[str, Any]:
        """Features of the photographs, and the random generator."""
        return {"photographs": self._photographs.state_dict(), "generator": self._rng.bit_generator.state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores the state returned by `state_dict`."""
        self._photographs.load_state_dict(state["photographs"])
        self._rng.bit_generator.state = state["generator"]

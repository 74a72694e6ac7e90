"""Contrast of pseudo-labelled target frames with photographs (CycDA, stage 3; Lin et al. 2022)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from i2vadapt.adaptation.source_features import SourceFeatures
from i2vadapt.clips.batches import Sample
from i2vadapt.config.recipes.frames import ContrastSettings
from i2vadapt.losses.contrast import contrast
from i2vadapt.recipes.base import Context, Row
from i2vadapt.recipes.teacher import describe_labels, teacher_labels

_CONTRAST = 7  # purpose of the random numbers


class FrameContrast:
    """Draws every labelled frame near to a photograph of its class and away from one of another class.

    The features of photographs are those of the last time that each was seen.

    Args:
        settings: settings of the contrast.
        context: data of the run and the scores of the teacher.

    Attributes:
        described: number of pseudo-labels and, for a labelled target, the share of right ones.
    """

    def __init__(self, settings: ContrastSettings, context: Context) -> None:
        self._settings = settings
        target, teacher = context.domains.target, settings.teacher
        labels = teacher_labels(teacher, context.teachers[teacher.run], target.items)
        self.described: Row = describe_labels(labels, target.labels)
        self._labels = labels
        self._photographs = SourceFeatures(len(context.classes))
        self._rng = np.random.default_rng([context.seed, _CONTRAST])

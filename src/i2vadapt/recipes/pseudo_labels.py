"""Target videos with the labels of a teacher: DANN+I3D and stages 2 and 4 of CycDA (Lin et al. 2022), CLIP's labels.

A teacher is any run. CycDA's looks at single frames; I3D, trained on its labels, becomes better than the teacher.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from i2vadapt.clips.batches import TARGET, Sample
from i2vadapt.clips.target import TargetClips
from i2vadapt.clips.window import Window
from i2vadapt.config.recipes.pseudo_labels import Settings
from i2vadapt.data.items import UNLABELLED
from i2vadapt.losses.classification import video_loss
from i2vadapt.recipes import base
from i2vadapt.recipes.base import Context, LossPart, Row
from i2vadapt.recipes.teacher import describe_labels, teacher_labels


class Recipe(base.Recipe[Settings]):
    """Trains a network by cross-entropy on the target videos that a teacher has labelled.

    Args:
        settings: settings of the run.
        context: data, loaders and arithmetic of the run, and the teacher's scores.
    """

    def __init__(self, settings: Settings, context: Context) -> None:
        super().__init__(settings, context)
        target, teacher = context.domains.target, settings.teacher
        labels = teacher_labels(teacher, context.teachers[teacher.run], target.items)
        chosen = np.flatnonzero(labels != UNLABELLED)
        self._videos = target.only({target.items[number].id for number in chosen})
        self._labels = torch.from_numpy(labels[chosen])
        self._described = describe_labels(labels, target.labels)

    @property
    def steps(self) -> int:
        """Number of steps of an epoch, which is one pass over the labelled videos."""
        return -(-len(self._labels) // self.settings.batch_size)

    def batches(self, epoch: int, first: int) -> Iterator[Sample]:
        """Yields clips spread over whole videos; see `base.Recipe.batches`."""
        settings = self.settings
        clips = TargetClips(self._videos, settings.clip_frames, settings.crop, Window.draw, (self.context.seed, epoch))
        return self.load(clips, (epoch, TARGET), first)

    def loss_parts(self, batch: Sample, progress: float) -> Iterator[LossPart]:
        """Yields the classification loss."""
        labels = self._labels[batch["index"]].to(self.context.arithmetic.device, non_blocking=True)
        logits = self.run_network(batch).video_logits
        yield LossPart({"loss_video": video_loss(logits, labels, self.settings.loss)}, batch, len(labels))

    def state_of_epoch(self, epoch: int) -> Row:
        """Records the number of pseudo-labels and the share of right ones."""
        return self._described

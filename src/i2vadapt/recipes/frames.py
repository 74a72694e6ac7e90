"""Photographs as clips of one frame: the image-only lower bound, SO (Img) of Table 1."""

from __future__ import annotations

from collections.abc import Iterator

from i2vadapt.clips.batches import SOURCE, Sample
from i2vadapt.clips.photographs import PhotographClips
from i2vadapt.config.recipes.frames import Settings
from i2vadapt.losses.classification import video_loss
from i2vadapt.recipes import base
from i2vadapt.recipes.base import LossPart


class Recipe(base.Recipe[Settings]):
    """Trains a network of single frames on labelled photographs."""

    def batches(self, epoch: int, first: int) -> Iterator[Sample]:
        """Yields photographs with labels; see `base.Recipe.batches`."""
        source = self.context.domains.source
        clips = PhotographClips(source, self.settings.crop, (self.context.seed, epoch))
        return self.context.loaders.training(clips, len(clips), self.steps, (epoch, SOURCE), first)

    def loss_parts(self, batch: Sample, progress: float) -> Iterator[LossPart]:
        """Yields the classification loss of the photographs."""
        labels = batch["label"].to(self.context.arithmetic.device, non_blocking=True)
        logits = self.run_network(batch).video_logits
        yield LossPart({"loss_video": video_loss(logits, labels, self.settings.loss)}, batch, len(labels))

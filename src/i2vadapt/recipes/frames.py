"""Photographs as clips of one frame, and single frames of the target: the image-level methods of Table 1.

Without a transfer loss this is SO (Img). With one it is DANN, JAN or, with domain-alignment layers and the entropy of
the target, DAL. With the contrast it is stage 3 of CycDA (Lin et al. 2022).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import torch

from i2vadapt.clips.batches import SOURCE, TARGET, Sample
from i2vadapt.clips.photographs import PhotographClips, Photographs
from i2vadapt.clips.target import TargetFrames
from i2vadapt.config.recipes.frames import Settings
from i2vadapt.losses.classification import video_loss
from i2vadapt.losses.transfer import build_transfer_loss
from i2vadapt.models.domain_alignment import split_batches
from i2vadapt.models.stream_network import RunNetwork, StreamNetwork, StreamOutput
from i2vadapt.recipes import base
from i2vadapt.recipes.base import Context, LossPart, Row, compared
from i2vadapt.recipes.frame_contrast import FrameContrast

Batch = tuple[Sample, Sample | None]
"""Photographs; frames of target videos, or None where no loss needs them."""


class Recipe(base.Recipe[Settings]):
    """Trains a network of single frames on labelled photographs; see the module.

    Args:
        settings: settings of the run.
        context: data, loaders and arithmetic of the run, and the scores of a teacher.
    """

    def __init__(self, settings: Settings, context: Context) -> None:
        super().__init__(settings, context)
        self._contrast = None
        if settings.contrast is not None:
            self._contrast = FrameContrast(settings.contrast, context, self.model.network.feature_size)

    def build_model(self, network: StreamNetwork) -> RunNetwork:
        """Adds the weights of the transfer loss."""
        transfer = None
        if self.settings.transfer.loss != "none":
            transfer = build_transfer_loss(self.settings.transfer, network.feature_size, len(self.context.classes))
        return RunNetwork(network, 0, transfer)

    @property
    def steps(self) -> int:
        """Number of steps of an epoch: one pass over the photographs or, if they are more, over the target frames."""
        domains, count = self.context.domains, len(self.context.domains.source.items)
        if self.settings.reads_target_frames:
            count = max(count, len(domains.target.items) * self.settings.frames_per_video)
        return -(-count // self.settings.batch_size)

    def batches(self, epoch: int, first: int) -> Iterator[Batch]:
        """Yields photographs, with target frames if a loss needs them; see `base.Recipe.batches`."""
        settings, domains, key = self.settings, self.context.domains, (self.context.seed, epoch)
        if not isinstance(domains.source, Photographs):
            raise TypeError("recipe frames learns from photographs")
        photographs = self.load(PhotographClips(domains.source, settings.crop, key), (epoch, SOURCE), first)
        frames: Iterator[Sample | None] = itertools.repeat(None)
        if settings.reads_target_frames:
            clips = TargetFrames(domains.target, settings.frames_per_video, settings.crop, key)
            frames = self.load(clips, (epoch, TARGET), first)
        return zip(photographs, frames, strict=False)

    def loss_parts(self, batch: Batch, progress: float) -> Iterator[LossPart]:
        """Yields the classification loss of the photographs with the transfer loss or the contrast."""
        photographs, frames = batch
        settings = self.settings
        labels = photographs["label"].to(self.context.arithmetic.device, non_blocking=True)
        output, other = self._forward(photographs, frames)
        terms = {"loss_video": video_loss(output.video_logits, labels, settings.loss)}
        clips = len(labels)
        if frames is not None and other is not None:
            clips += len(other.features)
            if self.model.transfer_loss is not None:
                loss = self.model.transfer_loss(compared(output), compared(other), progress)
                terms["loss_transfer"] = settings.transfer.weight * loss
            if self._contrast is not None:
                terms["loss_contrast"] = self._contrast.loss(photographs, output.features, frames, other.features)
        yield LossPart(terms, photographs, clips)

    def _forward(self, photographs: Sample, frames: Sample | None) -> tuple[StreamOutput, StreamOutput | None]:
        """Outputs for the photographs and the frames, by one pass each or a joint one."""
        if frames is None:
            return self.run_network(photographs), None
        if self.settings.forward == "separate":
            return self.run_network(photographs), self.run_network(frames)
        joined = {"clip": torch.cat([photographs["clip"], frames["clip"]])}
        count = len(photographs["clip"])
        with split_batches(self.model.network, count):
            output = self.run_network(joined)
        return _rows(output, slice(count)), _rows(output, slice(count, None))

    def state_of_epoch(self, epoch: int) -> Row:
        """Records the pseudo-labels of the contrast."""
        return {} if self._contrast is None else self._contrast.described

    def state_dict(self) -> dict[str, Any]:
        """State of the contrast; empty without one."""
        return {} if self._contrast is None else self._contrast.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores the state returned by `state_dict`."""
        if self._contrast is not None:
            self._contrast.load_state_dict(state)


def _rows(output: StreamOutput, rows: slice) -> StreamOutput:
    """Part of an output; networks of single frames have no pace logits."""
    return StreamOutput(output.frame_logits[rows], output.video_logits[rows], None, output.features[rows])

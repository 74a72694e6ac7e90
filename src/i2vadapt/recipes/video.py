"""The paper's recipe for one stream (Eq. 6): generated videos with labels, retrieved flow, pace prediction, transfer.

Each term of Eq. 6 belongs to one stream. An RGB run has the video loss, the local loss and the pace loss; a flow run
has the video loss, on flow retrieved from the memory bank.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import torch

from i2vadapt.clips.batches import PACED, SOURCE, TARGET, Sample
from i2vadapt.clips.source import SourceClips, stream_window
from i2vadapt.clips.target import PacedClips, TargetClips
from i2vadapt.config.recipes.video import PaceSettings, Settings
from i2vadapt.inference.scores import SOURCE_PROBABILITY, Scores
from i2vadapt.losses.classification import local_loss, true_class_probability, video_loss
from i2vadapt.losses.pace import count_paces, pace_loss
from i2vadapt.losses.transfer import build_transfer_loss
from i2vadapt.models.stream_network import RunNetwork, StreamNetwork, upsample_logits
from i2vadapt.recipes import base
from i2vadapt.recipes.base import Context, LossPart, Row, compared
from i2vadapt.recipes.flow_bank import FlowBank
from i2vadapt.recipes.prototype_labels import PrototypeLabels

Batch = tuple[Sample, Sample | None, Sample | None]
"""Source videos; paced target videos or None; target videos for the transfer loss or None."""


class Recipe(base.Recipe[Settings]):
    """Trains a network of clips by the terms of Eq. 6 that belong to its stream; see the module.

    Args:
        settings: settings of the run.
        context: data, loaders and arithmetic of the run.

    Attributes:
        bank: memory bank of a flow run, or None.
        labels: labels of the target videos by class prototypes, or None.
    """

    def __init__(self, settings: Settings, context: Context) -> None:
        super().__init__(settings, context)
        bank = settings.bank_used
        self.bank = FlowBank(bank, context.classes, context.domains) if bank is not None else None
        prototypes = settings.prototypes
        self.labels = PrototypeLabels(prototypes, context) if prototypes is not None else None

    def build_model(self, network: StreamNetwork) -> RunNetwork:
        """Adds the pace head and the weights of the transfer loss."""
        settings, transfer = self.settings, None
        if settings.has_transfer_loss:
            transfer = build_transfer_loss(settings.transfer, network.feature_size, len(self.context.classes))
        paces = settings.pace.classes if settings.pace is not None and settings.has_pace_head else 0
        return RunNetwork(network, paces, transfer)

    def batches(self, epoch: int, first: int) -> Iterator[Batch]:
        """Yields source videos together with the target videos that the losses need; see `base.Recipe.batches`."""
        settings, domains, key = self.settings, self.context.domains, (self.context.seed, epoch)
        retrieve = self.bank.retriever(epoch) if self.bank is not None else None
        source = SourceClips(domains.source, domains.target, settings, key, retrieve)
        paced: Iterator[Sample | None] = itertools.repeat(None)
        target: Iterator[Sample | None] = itertools.repeat(None)
        if settings.pace is not None and settings.sees_paced_clips:
            paced = self.load(PacedClips(domains.target, settings, settings.pace, key), (epoch, PACED), first)
        if settings.reads_target_clips:
            window = partial(stream_window, settings=settings)
            target = self.load(
                TargetClips(domains.target, settings.clip_frames, settings.crop, window, key), (epoch, TARGET), first
            )
        return zip(self.load(source, (epoch, SOURCE), first), paced, target, strict=False)

    def loss_parts(self, batch: Batch, progress: float) -> Iterator[LossPart]:
        """Yields the losses of the source videos, including the transfer loss, then the pace loss."""
        source, paced, target = batch
        yield self._source_part(source, target, progress)
        if paced is None or self.settings.pace is None:
            return
        if self.settings.has_pace_head:
            yield self._pace_part(paced, self.settings.pace)
        else:  # only to update the batch-norm statistics, as the released trainer does
            with torch.no_grad():
                self.run_network(paced)

    def _source_part(self, source: Sample, target: Sample | None, progress: float) -> LossPart:
        """Video-level loss (Eq. 3 and 4), and the weighted losses that the settings add: local (Eq. 2), transfer
        (section 4.5), prototype labels (ST-I2V).
        """
        settings = self.settings
        labels = source["label"].to(self.context.arithmetic.device, non_blocking=True)
        output = self.run_network(source)
        terms = {"loss_video": video_loss(output.video_logits, labels, settings.loss)}
        if settings.has_local_loss:
            frames = upsample_logits(output.frame_logits, settings.clip_frames)
            terms["loss_local"] = settings.local_weight * local_loss(frames, labels, settings.loss)
        clips = len(labels)
        if target is not None:
            other = self.run_network(target)
            clips += len(other.features)
            if self.model.transfer_loss is not None:
                loss = self.model.transfer_loss(compared(output), compared(other), progress)
                terms["loss_transfer"] = settings.transfer.weight * loss
            if self.labels is not None:
                terms["loss_prototypes"] = self.labels.loss(target, other.video_logits)
        return LossPart(terms, source, clips, {SOURCE_PROBABILITY: true_class_probability(output.video_logits, labels)})

    def _pace_part(self, paced: Sample, pace: PaceSettings) -> LossPart:
        """Weighted pace loss (Eq. 5; the weight is lambda_2), and the accuracy of the pace prediction."""
        rates = paced["pace"].to(self.context.arithmetic.device, non_blocking=True)
        logits = self.run_network(paced).pace_logits
        if logits is None:
            raise ValueError("the network has no pace head")
        right = (logits.argmax(1) + 1 == rates).double().mean()
        terms = {"loss_pace": pace.weight * pace_loss(logits, rates)}
        return LossPart(terms, paced, len(rates), {"pace_accuracy": right}, count_paces(logits.detach(), rates))

    def after_scoring(self, epoch: int, scores: Scores, partners: Mapping[str, Scores]) -> Row:
        """Refills the bank and labels the target videos, if the next epoch uses them."""
        row: Row = {}
        if self.bank is not None and epoch in self.settings.refill_epochs():
            row |= self.bank.refill(epoch, scores, partners)
        if self.labels is not None and epoch in self.settings.label_epochs():
            row |= self.labels.update(scores)
        return row

    def state_of_epoch(self, epoch: int) -> Row:
        """Records whether the source videos of the epoch retrieved flow (1) or kept their own (0)."""
        return {} if self.bank is None else {"bank_used": float(self.bank.is_used(epoch))}

    def state_dict(self) -> dict[str, Any]:
        """State of the bank, or of the prototype labels; a run that has both keeps both."""
        parts = {"bank": self.bank, "labels": self.labels}
        return {name: part.state_dict() for name, part in parts.items() if part is not None}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores the state returned by `state_dict`."""
        if self.bank is not None:
            self.bank.load_state_dict(state["bank"])
        if self.labels is not None:
            self.labels.load_state_dict(state["labels"])

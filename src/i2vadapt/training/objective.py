"""The terms of the objective (paper Eq. 6, and section 4.5) for one batch."""

from __future__ import annotations

import torch
from torch import Tensor

from i2vadapt.clips.dataset import Sample
from i2vadapt.config.recipes.video import PaceSettings, TransferSettings
from i2vadapt.config import TrainSettings
from i2vadapt.losses.bnm import bnm
from i2vadapt.losses.classification import local_loss, video_loss
from i2vadapt.losses.dan import mk_mmd
from i2vadapt.losses.dann import domain_loss, reversal_strength, reverse_gradient
from i2vadapt.losses.mcc import mcc
from i2vadapt.losses.pace import pace_loss
from i2vadapt.models.two_stream import StreamOutput, TwoStream, upsample_logits
from i2vadapt.runtime.precision import Arithmetic


class Objective:
    """Runs the networks on a batch and gives its weighted loss terms by name.

    Args:
        model: the networks.
        settings: losses and weights.
        arithmetic: where and how the networks compute.
    """

    def __init__(self, model: TwoStream, settings: TrainSettings, arithmetic: Arithmetic) -> None:
        self._model, self._settings, self._arithmetic = model, settings, arithmetic

    def source_terms(
        self, name: str, source: Sample, labels: Tensor, target: Sample | None, progress: float
    ) -> dict[str, Tensor]:
        """Video-level loss (Eq. 3 and 4), weighted local loss (Eq. 2) and weighted transfer loss of a stream.

        Args:
            name: of the stream.
            source: batch of `SourceClips`.
            labels: (N,) on the networks' device.
            target: batch of `TargetClips`, or None without a transfer loss.
            progress: share of the training that is done.
        """
        settings = self._settings
        output = self._run(name, source)
        terms = {f"loss_video_{name}": video_loss(output.video_logits, labels, settings.loss)}
        if name in settings.local_streams and settings.local_weight:
            frames = upsample_logits(output.frame_logits, settings.clip_frames)
            terms[f"loss_local_{name}"] = settings.local_weight * local_loss(frames, labels, settings.loss)
        if target is not None and name in target:
            loss = self._transfer(settings.transfer, name, output, self._run(name, target), progress)
            terms[f"loss_transfer_{name}"] = settings.transfer.weight * loss
        return terms

    def _run(self, name: str, batch: Sample) -> StreamOutput:
        with self._arithmetic.autocast():
            output: StreamOutput = self._model(name, self._arithmetic.place(batch[name]))
        return output

    def _transfer(
        self, settings: TransferSettings, name: str, source: StreamOutput, target: StreamOutput, progress: float
    ) -> Tensor:
        if settings.loss == "mcc":
            return mcc(target.video_logits)
        if settings.loss == "bnm":
            return bnm(target.video_logits)
        ours, theirs = (
            output.features if settings.inputs == "features" else output.video_logits for output in (source, target)
        )
        if settings.loss == "dan":
            return mk_mmd(ours, theirs)
        classifier, strength = self._model.domain_heads[name], reversal_strength(progress)
        return domain_loss(*(classifier(reverse_gradient(values, strength)) for values in (ours, theirs)))

    def pace_terms(self, name: str, paced: Sample, pace: PaceSettings) -> tuple[dict[str, Tensor], float]:
        """Weighted pace loss (Eq. 5) of a stream with a pace head, and the share of paces that are right.

        Args:
            name: of the stream.
            paced: batch of `PacedClips`.
            pace: its settings; the weight is lambda_2.
        """
        rates = paced["pace"].to(self._arithmetic.device)
        logits = self._run(name, paced).pace_logits
        if logits is None:
            raise ValueError(f"the {name} stream has no pace head")
        right = float((logits.argmax(1) + 1 == rates).float().mean())
        return {f"loss_pace_{name}": pace.weight * pace_loss(logits, rates)}, right

    @torch.no_grad()
    def show(self, name: str, paced: Sample) -> None:
        """Passes paced clips through a stream for its batch-norm statistics alone, as the released trainer does."""
        self._run(name, paced)

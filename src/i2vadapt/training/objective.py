"""The terms of the objective (paper Eq. 6) for one batch."""

from __future__ import annotations

from torch import Tensor

from i2vadapt.adaptation import local_loss, pace_loss, video_loss
from i2vadapt.config import TrainSettings
from i2vadapt.models import TwoStream, upsample_logits
from i2vadapt.training.clips import Sample
from i2vadapt.training.precision import Arithmetic


class Objective:
    """Runs the networks on a batch and gives its weighted loss terms by name.

    Args:
        model: the networks.
        settings: losses and weights.
        arithmetic: where and how the networks compute.
    """

    def __init__(self, model: TwoStream, settings: TrainSettings, arithmetic: Arithmetic) -> None:
        self._model, self._settings, self._arithmetic = model, settings, arithmetic

    def class_terms(self, name: str, clips: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Video-level loss (Eq. 3 and 4) and weighted local loss (Eq. 2) of a stream.

        Args:
            name: of the stream.
            clips: (N,T,H,W,C), as `Arithmetic.place` takes them.
            labels: (N,) on the networks' device.
        """
        settings = self._settings
        with self._arithmetic.autocast():
            output = self._model(name, self._arithmetic.place(clips))
        terms = {f"loss_video_{name}": video_loss(output.video_logits, labels, settings.loss)}
        if name in settings.local_streams and settings.local_weight:
            frames = upsample_logits(output.frame_logits, settings.clip_frames)
            terms[f"loss_local_{name}"] = settings.local_weight * local_loss(frames, labels, settings.loss)
        return terms

    def pace_terms(self, paced: Sample, weight: float) -> tuple[dict[str, Tensor], float]:
        """Weighted pace loss (Eq. 5) of the RGB stream, and the share of paces that are right.

        Args:
            paced: batch of `PacedClips`.
            weight: lambda_2.
        """
        rates = paced["pace"].to(self._arithmetic.device)
        with self._arithmetic.autocast():
            logits = self._model("rgb", self._arithmetic.place(paced["rgb"])).pace_logits
        right = float((logits.argmax(1) + 1 == rates).float().mean())
        return {"loss_pace": weight * pace_loss(logits, rates)}, right

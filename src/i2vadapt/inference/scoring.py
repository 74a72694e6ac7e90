"""Forward pass of a network over videos: their class probabilities and features."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from i2vadapt.clips.batches import Sample
from i2vadapt.clips.placement import place
from i2vadapt.config.run import Fusion
from i2vadapt.models.stream_network import RunNetwork
from i2vadapt.runtime.precision import Arithmetic


class ClipScores(NamedTuple):
    """What a network says about n clips.

    Attributes:
        probabilities: class probabilities (n,C), float32.
        features: features averaged over time (n,F), float32.
        steps: class probabilities (n,T',C) of the network's time steps, float16; None where they were not asked for.
    """

    probabilities: np.ndarray
    features: np.ndarray
    steps: np.ndarray | None = None

    @classmethod
    def joined(cls, parts: Sequence[ClipScores]) -> ClipScores:
        """The scores of several sets of clips, one after another."""
        steps = [part.steps for part in parts if part.steps is not None]
        return cls(
            np.concatenate([part.probabilities for part in parts]),
            np.concatenate([part.features for part in parts]),
            np.concatenate(steps) if steps else None,
        )


@torch.inference_mode()
def score_clips(
    model: RunNetwork, batches: Iterable[Sample], arithmetic: Arithmetic, fusion: Fusion, keep_steps: bool = False
) -> ClipScores:
    """Scores all clips of a loader, in its order.

    Args:
        model: trained network; it is set to evaluation mode.
        batches: batches of `EvaluationClips`.
        arithmetic: device and data type of the network.
        fusion: see `class_probabilities`.
        keep_steps: whether to return the probabilities of every time step as well.
    """
    model.eval()
    probabilities, features, steps = [], [], []
    for batch in batches:
        with arithmetic.autocast():
            output = model(place(batch["clip"], arithmetic))
        # They stay on the device to the end: fetched here, they would keep a GPU from starting on the next batch.
        probabilities.append(class_probabilities(output.frame_logits, fusion).float())
        features.append(output.features.float())
        if keep_steps:
            steps.append(output.frame_logits.softmax(dim=2).half())
    return ClipScores(
        torch.cat(probabilities).cpu().numpy(),
        torch.cat(features).cpu().numpy(),
        torch.cat(steps).cpu().numpy() if keep_steps else None,
    )


def class_probabilities(frame_logits: Tensor, fusion: Fusion) -> Tensor:
    """Computes the class probabilities of videos from the logits of their time steps (end of paper section 3.1).

    Args:
        frame_logits: logits (N, T', C).
        fusion: "softmax_of_mean" averages the logits over time first, as in the paper; "mean_of_softmax" averages the
            probabilities of the time steps, as in the released code.

    Returns:
        Probabilities (N, C); every row sums to 1.
    """
    if fusion == "softmax_of_mean":
        return frame_logits.mean(dim=1).softmax(dim=1)
    return frame_logits.softmax(dim=2).mean(dim=1)

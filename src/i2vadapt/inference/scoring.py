"""The pass of a network over videos: class probabilities and features of each."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from i2vadapt.clips.batches import Sample
from i2vadapt.clips.placement import place
from i2vadapt.config.run import Fusion
from i2vadapt.models.stream_network import RunNetwork
from i2vadapt.runtime.precision import Arithmetic


@torch.inference_mode()
def score_clips(
    model: RunNetwork, batches: Iterable[Sample], arithmetic: Arithmetic, fusion: Fusion
) -> tuple[np.ndarray, np.ndarray]:
    """Scores all clips of a loader, in its order.

    Args:
        model: set to evaluation mode.
        batches: of `EvaluationClips`.
        arithmetic: where and how to compute.
        fusion: how the logits of the time steps become the probabilities of a video.

    Returns:
        (n,C) float32 probabilities, and (n,F) float32 features averaged over time.
    """
    model.eval()
    probabilities, features = [], []
    for batch in batches:
        with arithmetic.autocast():
            output = model(place(batch["clip"], arithmetic))
        probabilities.append(class_probabilities(output.frame_logits, fusion).float().cpu())
        features.append(output.features.float().cpu())
    return torch.cat(probabilities).numpy(), torch.cat(features).numpy()


def class_probabilities(frame_logits: Tensor, fusion: Fusion) -> Tensor:
    """Probabilities of videos (end of paper section 3.1).

    Args:
        frame_logits: (N, T', C).
        fusion: "softmax_of_mean" averages the logits over time first, as the paper reads; "mean_of_softmax" averages
            the probabilities of the time steps, as the released code does.

    Returns:
        (N, C); every row sums to 1.
    """
    if fusion == "softmax_of_mean":
        return frame_logits.mean(dim=1).softmax(dim=1)
    return frame_logits.softmax(dim=2).mean(dim=1)

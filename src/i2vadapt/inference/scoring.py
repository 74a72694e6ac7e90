"""Forward pass of a network over videos: their class probabilities and features."""

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
        model: trained network; it is set to evaluation mode.
        batches: batches of `EvaluationClips`.
        arithmetic: device and data type of the network.
        fusion: see `class_probabilities`.

    Returns:
        Class probabilities (n,C) and features averaged over time (n,F), both float32.
    """
    model.eval()
    probabilities, features = [], []
    for batch in batches:
        with arithmetic.autocast():
            output = model(place(batch["clip"], arithmetic))
        # They stay on the device to the end: fetched here, they would keep a GPU from starting on the next batch.
        probabilities.append(class_probabilities(output.frame_logits, fusion).float())
        features.append(output.features.float())
    return torch.cat(probabilities).cpu().numpy(), torch.cat(features).cpu().numpy()


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

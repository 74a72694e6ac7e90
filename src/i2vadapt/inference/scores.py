"""Evaluation pass over the target: scores of every video, late fusion, accuracies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from i2vadapt.clips.dataset import Sample
from i2vadapt.data.items import UNLABELLED
from i2vadapt.models.two_stream import Fusion, TwoStream, fuse
from i2vadapt.runtime.precision import Arithmetic


@dataclass(frozen=True)
class Scores:
    """Softmax scores of n videos.

    Attributes:
        streams: for each stream, (n,C) float32, rows sum to 1.
        features: for each stream, (n,1024) float32, mean over time of the pooled features.
    """

    streams: dict[str, np.ndarray]
    features: dict[str, np.ndarray]

    @property
    def fused(self) -> np.ndarray:
        """(n,C) sum of the streams' softmax scores (paper section 3.1, inference)."""
        return np.sum(list(self.streams.values()), axis=0)

    @property
    def confidence(self) -> np.ndarray:
        """(n,) largest fused score: 0..number of streams."""
        return self.fused.max(axis=1)

    @property
    def predictions(self) -> np.ndarray:
        """(n,) classes; pseudo-labels while training."""
        return self.fused.argmax(axis=1)


@torch.inference_mode()
def score(model: TwoStream, batches: Iterable[Sample], arithmetic: Arithmetic, fusion: Fusion) -> Scores:
    """Scores of all videos of a loader of `TestClips`, in its order."""
    model.eval()
    streams: dict[str, list[torch.Tensor]] = {name: [] for name in model.streams}
    features: dict[str, list[torch.Tensor]] = {name: [] for name in model.streams}
    for batch in batches:
        for name in model.streams:
            with arithmetic.autocast():
                output = model(name, arithmetic.place(batch[name]))
            streams[name].append(fuse(output.frame_logits, fusion=fusion).cpu())
            features[name].append(output.features.cpu())
    return Scores(
        {name: torch.cat(parts).numpy() for name, parts in streams.items()},
        {name: torch.cat(parts).numpy() for name, parts in features.items()},
    )


@torch.inference_mode()
def rgb_features(model: TwoStream, batches: Iterable[Sample], arithmetic: Arithmetic) -> np.ndarray:
    """Features of the RGB stream, (n,F) float32, mean over time, of all videos of a loader of `TestClips`."""
    model.eval()
    parts = []
    for batch in batches:
        with arithmetic.autocast():
            parts.append(model("rgb", arithmetic.place(batch["rgb"])).features.cpu())
    return torch.cat(parts).numpy()


def joined(parts: Sequence[Scores]) -> Scores:
    """Scores of the parts of a dataset, one after the other."""
    return Scores(
        {name: np.concatenate([part.streams[name] for part in parts]) for name in parts[0].streams},
        {name: np.concatenate([part.features[name] for part in parts]) for name in parts[0].features},
    )


def accuracies(scores: Scores, labels: np.ndarray) -> dict[str, float]:
    """Share of videos that are right, and its mean over classes, for each stream and the fusion.

    Videos without a label do not count; without any label the result is empty.
    """
    known = labels != UNLABELLED
    if not known.any():
        return {}
    results = {}
    for name, values in {**scores.streams, "fused": scores.fused}.items():
        right = values.argmax(axis=1)[known] == labels[known]
        results[f"accuracy_{name}"] = float(right.mean())
        by_class = [float(right[labels[known] == label].mean()) for label in np.unique(labels[known])]
        results[f"class_accuracy_{name}"] = float(np.mean(by_class))
    return results

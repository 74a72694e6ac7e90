"""Evaluation of a trained classifier on another dataset than that of its training."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from i2vadapt.clips.batches import in_order
from i2vadapt.clips.dataset import ClipDataset
from i2vadapt.clips.domains import evaluated_videos
from i2vadapt.clips.evaluation import EvaluationClips
from i2vadapt.clips.loading import load_batches
from i2vadapt.inference.classifier import Classifier, Member, score_in_batches
from i2vadapt.inference.predictions import write_predictions
from i2vadapt.inference.scores import Scores


def evaluate(classifier: Classifier, folder: Path, out: Path, batch_size: int, workers: int) -> dict[str, float]:
    """Scores a dataset, or with protocol split1 the test part of its split, and writes a table of predictions.

    Args:
        classifier: trained networks.
        folder: dataset folder of the videos, results/datasets/<dataset>.
        out: table to write.
        batch_size: number of videos in a forward pass.
        workers: number of loader processes.

    Returns:
        Accuracies, as `write_predictions`; empty without labels.

    Raises:
        UserError: as `ClipDataset` and `write_predictions`, or if a video is of a class that the networks do not know.
    """
    scores: dict[str, Scores] = {
        member.settings.stream: _score_dataset(member, classifier.classes, folder, batch_size, workers)
        for member in classifier.members
    }
    return write_predictions(out, scores, [member.weight for member in classifier.members])


def _score_dataset(member: Member, classes: tuple[str, ...], folder: Path, batch_size: int, workers: int) -> Scores:
    settings = member.settings
    dataset = ClipDataset(folder, settings.stream).labelled_by(classes)
    dataset = dataset.only(evaluated_videos(dataset, settings))
    clips = EvaluationClips(dataset, settings.test_frames, settings.crop)
    batches = load_batches(clips, in_order(len(clips), batch_size), workers)
    probabilities = score_in_batches(member, batches)
    ids = tuple(item.id for item in dataset.items)
    return Scores(ids, classes, dataset.labels, np.ones(len(ids), bool), probabilities)

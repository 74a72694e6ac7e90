"""Labels of target videos by the last scores of another run, the teacher."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from i2vadapt.adaptation.pseudo_labels import select_by_frames, select_by_videos
from i2vadapt.config.teacher import TeacherSettings
from i2vadapt.data.items import UNLABELLED, Item
from i2vadapt.errors import UserError
from i2vadapt.inference.scores import Scores

_logger = logging.getLogger(__name__)


def teacher_labels(settings: TeacherSettings, scores: Scores, items: Sequence[Item]) -> np.ndarray:
    """Labels the videos of a run; the true labels of the items are not used.

    Args:
        settings: name of the teacher and rule of the selection.
        scores: the teacher's last scores.
        items: videos to label, among which the most confident ones are selected.

    Returns:
        Labels (n,), int64; -1 for videos that are not selected.

    Raises:
        UserError: if the teacher has scored none of the videos, or the rule needs scores of frames and there are none.
    """
    name = settings.run
    places = {item_id: place for place, item_id in enumerate(scores.ids)}
    known = [number for number, item in enumerate(items) if item.id in places]
    if not known:
        raise UserError(
            f"the teacher {name} has scored other videos: {scores.ids[0]}, not {items[0].id}: train it again"
        )
    if len(known) < len(items):
        _logger.warning("%d of %d videos have no scores of %s and no label", len(items) - len(known), len(items), name)
    rows = [places[items[number].id] for number in known]
    labels = np.full(len(items), UNLABELLED, np.int64)
    if settings.select == "videos":
        labels[known] = select_by_videos(scores.probabilities[rows], settings.keep)
    elif scores.frame_probabilities is not None:
        labels[known] = select_by_frames(scores.frame_probabilities[rows], settings.keep)
    else:
        raise UserError(
            f"the teacher {name} has no scores of single frames, as select: frames needs: use select: videos"
        )
    return labels


def describe_labels(labels: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Number of pseudo-labels and, where the truth is known, the share of right ones; recorded only.

    Args:
        labels: pseudo-labels (n,), -1 for none.
        truth: labels (n,), -1 where unknown.
    """
    known = (labels != UNLABELLED) & (truth != UNLABELLED)
    row = {"pseudo_labels": float((labels != UNLABELLED).sum())}
    if known.any():
        row["pseudo_label_accuracy"] = float((labels[known] == truth[known]).mean())
    return row

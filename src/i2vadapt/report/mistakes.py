"""Which target videos the page plays: those of the worst confusions, or the surest and the least sure ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from i2vadapt.data.items import UNLABELLED
from i2vadapt.report.runs import Evaluation
from i2vadapt.report.text import percent, plural

GROUPS, VIDEOS = 6, 4
"""At most as many groups, and videos of each."""


@dataclass(frozen=True)
class Choice:
    """A video to play.

    Attributes:
        id: of the video.
        caption: its predicted class with the probability, and its true class where that is known.
    """

    id: str
    caption: str


@dataclass(frozen=True)
class Group:
    """Videos that belong together, the most telling ones first."""

    heading: str
    choices: tuple[Choice, ...]


def choose_videos(evaluation: Evaluation, classes: Sequence[str]) -> list[Group]:
    """Chooses the videos of the pairs of classes that are confused most often, the most confident mistakes first.

    Without labels: of the classes with most videos, the two most and the two least confident videos.

    Args:
        evaluation: a method with one seed.
        classes: names in the order of the labels.

    Returns:
        At most `GROUPS` groups of at most `VIDEOS` videos; none if all predictions are right.
    """
    labelled = evaluation.predictions.is_labelled
    return _worst_confusions(evaluation, classes) if labelled else _extremes(evaluation, classes)


def _worst_confusions(evaluation: Evaluation, classes: Sequence[str]) -> list[Group]:
    truth, final = evaluation.predictions.truth, evaluation.predictions.final
    wrong = np.flatnonzero((truth != UNLABELLED) & (truth != final))
    pairs, counts = np.unique(np.stack([truth[wrong], final[wrong]], axis=1), axis=0, return_counts=True)
    groups = []
    for place in np.argsort(-counts, kind="stable")[:GROUPS]:
        (true, predicted), count = pairs[place], counts[place]
        videos = wrong[(truth[wrong] == true) & (final[wrong] == predicted)]
        of_class = plural(int((truth == true).sum()), "video")
        heading = f"{classes[true]} taken for {classes[predicted]}: {count} of {of_class} of {classes[true]}"
        groups.append(Group(heading, _choices(evaluation, classes, _by_confidence(evaluation, videos)[:VIDEOS])))
    return groups


def _extremes(evaluation: Evaluation, classes: Sequence[str]) -> list[Group]:
    final = evaluation.predictions.final
    counts = np.bincount(final, minlength=len(classes))
    groups = []
    for label in np.argsort(-counts, kind="stable")[:GROUPS]:
        videos = _by_confidence(evaluation, np.flatnonzero(final == label))
        if len(videos):
            ends = np.stack([videos, videos[::-1]], axis=1).ravel()  # the surest, the least sure, the second surest, …
            shown = list(dict.fromkeys(ends.tolist()))[:VIDEOS]
            heading = f"{classes[label]}: the surest and the least sure of {plural(len(videos), 'video')}"
            groups.append(Group(heading, _choices(evaluation, classes, shown)))
    return groups


def _by_confidence(evaluation: Evaluation, videos: np.ndarray) -> np.ndarray:
    """Numbers of videos, the most confident first; equally confident ones by their ids."""
    predictions = evaluation.predictions
    return np.array(sorted(videos, key=lambda number: (-predictions.confidence[number], predictions.ids[number])), int)


def _choices(evaluation: Evaluation, classes: Sequence[str], videos: Sequence[int] | np.ndarray) -> tuple[Choice, ...]:
    predictions, chosen = evaluation.predictions, []
    for number in videos:
        label = predictions.truth[number]
        truth = "" if label == UNLABELLED else f", truly {classes[label]}"
        predicted = f"{classes[predictions.final[number]]} {percent(evaluation.probabilities[number], 0)} %"
        chosen.append(Choice(predictions.ids[number], f"{predicted}{truth}"))
    return tuple(chosen)

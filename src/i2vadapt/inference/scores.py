"""Scores of all videos of a target by one network, and their file, by which runs read each other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError, safe_open

from i2vadapt.errors import UserError
from i2vadapt.files.atomic import write_atomically

FORMAT = 1
_HEADER = "scores"


@dataclass(frozen=True)
class Scores:
    """Class probabilities of n videos.

    Attributes:
        ids: (n,) of the items.
        classes: (C,) names in the order of the labels.
        labels: (n,) int64 true classes, -1 where unknown.
        tested: (n,) whether the reported accuracy counts the video: all of them, or the test part of a split.
        probabilities: (n,C) float32; rows sum to 1, or of fused scores to the number of runs.
        features: of keys `target` and `source`, (videos,F) float16 features averaged over time; empty unless kept.
    """

    ids: tuple[str, ...]
    classes: tuple[str, ...]
    labels: np.ndarray
    tested: np.ndarray
    probabilities: np.ndarray
    features: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def predictions(self) -> np.ndarray:
        """(n,) most probable classes."""
        return self.probabilities.argmax(axis=1)

    @property
    def confidence(self) -> np.ndarray:
        """(n,) largest probability, or sum of probabilities."""
        return self.probabilities.max(axis=1)


def write_scores(path: Path, scores: Scores, epoch: int) -> None:
    """Writes the scores after an epoch; the same scores give the same bytes."""
    header = {"format": FORMAT, "epoch": epoch, "classes": scores.classes, "ids": scores.ids}
    tensors = {
        "labels": np.ascontiguousarray(scores.labels, np.int64),
        "tested": np.ascontiguousarray(scores.tested, np.uint8),
        "probabilities": np.ascontiguousarray(scores.probabilities, np.float32),
        **{f"features_{side}": np.ascontiguousarray(value, np.float16) for side, value in scores.features.items()},
    }
    # One entry of metadata only: safetensors writes several in random order.
    write_atomically(path, safetensors.numpy.save(tensors, {_HEADER: json.dumps(header)}))


def read_scores(path: Path, classes: Sequence[str] | None = None) -> Scores:
    """Reads a file of scores.

    Args:
        path: written by `write_scores`.
        classes: names that are expected, in this order; None takes any.

    Raises:
        UserError: if it is missing, damaged, of another format, or of other classes.
    """
    try:
        with safe_open(path, "numpy") as file:
            header = json.loads((file.metadata() or {})[_HEADER])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dictionary
        if header["format"] != FORMAT:
            raise UserError(f"{path}: scores of format {header['format']}, {FORMAT} is needed: train the run again")
        scores = Scores(
            tuple(header["ids"]),
            tuple(header["classes"]),
            tensors["labels"],
            tensors["tested"].astype(bool),
            tensors["probabilities"],
            {name.removeprefix("features_"): value for name, value in tensors.items() if name.startswith("features_")},
        )
    except FileNotFoundError:
        raise UserError(f"{path}: no such scores: train the run that they are of") from None
    except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
        raise UserError(f"{path}: not a readable file of scores ({' '.join(str(error).split())[:200]})") from None
    if classes is not None and scores.classes != tuple(classes):
        raise UserError(f"{path}: scores of the classes {', '.join(scores.classes)}, not {', '.join(classes)}")
    return scores


def fuse(parts: Sequence[Scores]) -> Scores:
    """Adds the probabilities of several networks (late fusion, end of paper section 3.1).

    Args:
        parts: scores of the same videos and classes, at least one.

    Raises:
        UserError: if the videos or classes differ.
    """
    first = parts[0]
    for other in parts[1:]:
        if other.classes != first.classes:
            raise UserError(f"scores of other classes: {', '.join(first.classes)} and {', '.join(other.classes)}")
        if other.ids != first.ids or not np.array_equal(other.tested, first.tested):
            different = sorted(set(first.ids) ^ set(other.ids))
            raise UserError(
                f"scores of other videos: {len(first.ids)} and {len(other.ids)}, {', '.join(different[:3])}"
            )
    total = np.sum([part.probabilities for part in parts], axis=0)
    return Scores(first.ids, first.classes, first.labels, first.tested, total)

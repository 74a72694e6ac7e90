"""Scores of all target videos by one network, and their file format, which other runs and methods read."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError, safe_open

from i2vadapt.config.names import canonical
from i2vadapt.errors import UserError
from i2vadapt.files.atomic import write_atomically

_logger = logging.getLogger(__name__)

FORMAT = 1
SOURCE_PROBABILITY = "source_probability"
"""Name of the recorded value that `Scores.source_probability` keeps."""
_HEADER = "scores"


@dataclass(frozen=True)
class Features:
    """Features of m items.

    Attributes:
        ids: ids (m,) of the items.
        values: features (m,F); stored as float16, which is precise enough for comparisons.
    """

    ids: tuple[str, ...]
    values: np.ndarray


@dataclass(frozen=True)
class Scores:
    """Class probabilities of n videos.

    Attributes:
        ids: ids (n,) of the videos.
        classes: class names (C,) in the order of the labels.
        labels: true classes (n,), int64, -1 where unknown.
        tested: whether a video counts in the reported accuracy (n,): all of them, or the test part of a split.
        probabilities: class probabilities (n,C), float32, whose rows sum to 1, or to the number of runs if fused.
        features: features averaged over time, by side (source, target); empty unless the run keeps them.
        frame_probabilities: class probabilities (n,T,C) of the frames of every video, float16; None unless the network
            looks at single frames and the training has ended.
        source_probability: mean probability that the network gave the true class of a source clip in the epoch before,
            from 0 to 1; None if the recipe does not measure it.
    """

    ids: tuple[str, ...]
    classes: tuple[str, ...]
    labels: np.ndarray
    tested: np.ndarray
    probabilities: np.ndarray
    features: dict[str, Features] = field(default_factory=dict)
    frame_probabilities: np.ndarray | None = None
    source_probability: float | None = None

    def features_of(self, side: str, ids: Sequence[str]) -> np.ndarray | None:
        """Features of some items.

        Args:
            side: source or target.
            ids: ids of the items.

        Returns:
            Features (len(ids),F), or None if those of the side or of one of the items were not kept.
        """
        kept = self.features.get(side)
        places = {item_id: place for place, item_id in enumerate(kept.ids)} if kept is not None else {}
        if kept is None or any(item_id not in places for item_id in ids):
            return None
        return kept.values[[places[item_id] for item_id in ids]]

    @property
    def predictions(self) -> np.ndarray:
        """Most probable classes (n,)."""
        return self.probabilities.argmax(axis=1)

    @property
    def confidence(self) -> np.ndarray:
        """Scores (n,) of the most probable classes."""
        return self.probabilities.max(axis=1)


def write_scores(path: Path, scores: Scores, epoch: int) -> None:
    """Writes a file of scores; the same scores give the same bytes.

    Args:
        path: file to write.
        scores: scores after the epoch.
        epoch: number of finished epochs.
    """
    header = {
        "format": FORMAT,
        "epoch": epoch,
        "classes": scores.classes,
        "ids": scores.ids,
        "feature_ids": {side: features.ids for side, features in scores.features.items()},
        SOURCE_PROBABILITY: scores.source_probability,
    }
    tensors = {
        "labels": np.ascontiguousarray(scores.labels, np.int64),
        "tested": np.ascontiguousarray(scores.tested, np.uint8),
        "probabilities": np.ascontiguousarray(scores.probabilities, np.float32),
        **{f"features_{side}": np.ascontiguousarray(kept.values, np.float16) for side, kept in scores.features.items()},
    }
    if scores.frame_probabilities is not None:
        tensors["frame_probabilities"] = np.ascontiguousarray(scores.frame_probabilities, np.float16)
    # Only one entry of metadata: safetensors writes several in random order.
    write_atomically(path, safetensors.numpy.save(tensors, {_HEADER: json.dumps(header)}))


def read_scores(path: Path, classes: Sequence[str] | None = None) -> Scores:
    """Reads a file of scores.

    Args:
        path: file written by `write_scores`.
        classes: expected class names in order; None accepts any.

    Raises:
        UserError: if the file is missing, damaged, of another format, or of other classes.
    """
    try:
        with safe_open(path, "numpy") as file:
            header = json.loads((file.metadata() or {})[_HEADER])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dictionary
        if header["format"] != FORMAT:
            raise UserError(f"{path}: scores of format {header['format']}, not {FORMAT}: train the run again")
        scores = Scores(
            tuple(header["ids"]),
            tuple(canonical(name) for name in header["classes"]),
            tensors["labels"],
            tensors["tested"].astype(bool),
            tensors["probabilities"],
            {side: Features(tuple(ids), tensors[f"features_{side}"]) for side, ids in header["feature_ids"].items()},
            tensors.get("frame_probabilities"),
            header.get(SOURCE_PROBABILITY),
        )
        _check_lengths(scores)
    except FileNotFoundError:
        raise UserError(f"{path}: no such scores: train the run first") from None
    except (OSError, SafetensorError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: not a readable file of scores ({' '.join(str(error).split())[:200]})") from None
    if classes is not None and scores.classes != tuple(classes):
        raise UserError(f"{path}: scores of the classes {', '.join(scores.classes)}, not {', '.join(classes)}")
    return scores


def _check_lengths(scores: Scores) -> None:
    """Checks that the tables of a file match its lists of videos, classes and items.

    Raises:
        ValueError: if one does not.
    """
    videos, frames = len(scores.ids), scores.frame_probabilities
    frames = scores.probabilities[:, None] if frames is None else frames
    tables = {
        "labels": (scores.labels, (videos,)),
        "tested": (scores.tested, (videos,)),
        "probabilities": (scores.probabilities, (videos, len(scores.classes))),
        "frame_probabilities": (frames, (videos, frames.shape[1], len(scores.classes))),
        **{side: (kept.values, (len(kept.ids), *kept.values.shape[1:])) for side, kept in scores.features.items()},
    }
    for name, (table, shape) in tables.items():
        if table.shape != shape:
            raise ValueError(f"{name} of shape {table.shape}, expected {shape}")


def fuse(parts: Sequence[Scores], weights: Sequence[float] | None = None) -> Scores:
    """Adds the probabilities of several networks (late fusion, end of paper section 3.1).

    Videos that are missing from one of the parts, e.g. because their flow failed, are left out and listed in a warning.

    Args:
        parts: scores of the same dataset and classes, at least one.
        weights: factor of each; None adds them as they are.

    Returns:
        Scores of the common videos with summed probabilities, without features.

    Raises:
        UserError: if the classes or the true classes of a video differ, or no video is common to all parts.
    """
    first = parts[0]
    for other in parts[1:]:
        if other.classes != first.classes:
            raise UserError(f"scores of different classes: {', '.join(first.classes)}, and {', '.join(other.classes)}")
        _check_truth(first, other)
    places = [{item_id: place for place, item_id in enumerate(part.ids)} for part in parts]
    ids = tuple(item_id for item_id in first.ids if all(item_id in known for known in places))
    missing = sorted({item_id for part in parts for item_id in part.ids} - set(ids))
    if not ids:
        raise UserError(f"scores of different videos: {first.ids[0]}, and {parts[-1].ids[0]}")
    if missing:
        shown = ", ".join(missing[:10]) + (", …" if len(missing) > 10 else "")
        _logger.warning("%d videos are not scored by every run and are left out: %s", len(missing), shown)
    chosen = [[known[item_id] for item_id in ids] for known in places]
    rows = [part.probabilities[places] for part, places in zip(parts, chosen, strict=True)]
    total = add_probabilities(rows, [1.0] * len(rows) if weights is None else weights)
    return Scores(ids, first.classes, first.labels[chosen[0]], first.tested[chosen[0]], total)


def add_probabilities(parts: Sequence[np.ndarray], weights: Sequence[float]) -> np.ndarray:
    """Weighted sum of the class probabilities (...,C) float32 of several networks; other rows do not change its bits.

    Args:
        parts: probabilities, of one shape.
        weights: factor of each.
    """
    total = np.zeros_like(parts[0])
    for weight, values in zip(weights, parts, strict=True):
        total += np.float32(weight) * values
    return total


def _check_truth(first: Scores, other: Scores) -> None:
    """Checks that two runs were given the same label of each video; otherwise one of them is older than the labels."""
    labels = dict(zip(first.ids, first.labels.tolist(), strict=True))
    for item_id, label in zip(other.ids, other.labels.tolist(), strict=True):
        before = labels.get(item_id, label)
        if before != label:
            names = [first.classes[one] if one >= 0 else "without a label" for one in (before, label)]
            raise UserError(f"scores of different labels: {item_id} is {names[0]} in one, {names[1]} in another")

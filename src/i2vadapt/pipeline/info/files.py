"""What single files of results hold: shards, features, checkpoints and scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from i2vadapt import stages
from i2vadapt.data.items import UNLABELLED
from i2vadapt.data.shards.reader import ShardReader
from i2vadapt.errors import UserError
from i2vadapt.files import superseded
from i2vadapt.files.absent import advice
from i2vadapt.inference.metrics import accuracies
from i2vadapt.inference.scores import read_scores

Document = dict[str, Any]

_HDF5 = b"\x89HDF"
_INPUTS = ("weights", "source", "target", "parents", "features")


def describe_file(path: Path) -> Document:
    """Describes a file, whose kind is recognised by its content.

    Raises:
        UserError: if it is missing, damaged, or of another kind.
    """
    start = _first_bytes(path)
    if start.startswith(_HDF5):
        return _describe_features(path) if _holds_features(path) else _describe_shard(path)
    if start.startswith(b"PK"):
        return _describe_checkpoint(path)
    if start[8:9] == b"{":
        return _describe_scores(path)
    raise UserError(
        f"{path}: not a shard, features (.h5), a checkpoint (.pt) or scores (.safetensors) of this package;"
        " folders of runs, methods and datasets are described too"
    )


def _first_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(16)
    except OSError as error:
        hint = advice(path) if isinstance(error, FileNotFoundError) else ""
        raise UserError(f"{path}: cannot be read: {error.strerror}{hint}") from None


def _holds_features(path: Path) -> bool:
    try:
        with h5py.File(path, "r", locking=False) as file:
            return "classes" in file.attrs
    except (OSError, RuntimeError):
        return False  # the reader of shards says what is wrong


def describe_provenance(provenance: Mapping[str, Any]) -> Document:
    """The record of a shard's origin, and whether its stage has another version by now."""
    found = dict(provenance)
    stage = stages.by_name(str(found.get("stage")))
    if stage is not None and found.get("stage_version") not in (None, stage.version):
        found["outdated"] = f"stage {stage.name} has version {stage.version} now"
    return found


def _describe_shard(path: Path) -> Document:
    reader = ShardReader(path)
    return {
        "kind": f"shard of {reader.kind}",
        "items": len(reader),
        "frames": int(reader.counts.sum()),
        "items_by_label": count_labels(reader.labels),
        "failed": {failed.id: failed.reason for failed in reader.failures},
        "bytes": path.stat().st_size,
        "sha256_of_content": reader.digest,
        "provenance": describe_provenance(reader.provenance),
        "superseded_versions": len(superseded.earlier(path)),
    }


def count_labels(labels: np.ndarray, classes: Sequence[str] = ()) -> Document:
    """Number of items of each class, by name where names are known, and of those without a label."""
    counts = Counter(np.asarray(labels).tolist())
    names = {label: classes[label] if 0 <= label < len(classes) else str(label) for label in counts}
    known = {names[label]: counts[label] for label in sorted(counts) if label != UNLABELLED}
    return known | ({"without a label": counts[UNLABELLED]} if counts[UNLABELLED] else {})


def _describe_features(path: Path) -> Document:
    from i2vadapt.inference.features import read_features  # imported here, as checkpoints below, because of PyTorch

    found = read_features(path)
    sides = {
        side: {
            "items": len(part.ids),
            "features": int(part.values.shape[1]),
            "items_by_class": count_labels(part.labels, found.classes),
        }
        for side, part in found.sides.items()
    }
    return {"kind": "features", "classes": list(found.classes), **sides, "provenance": dict(found.provenance)}


def _describe_checkpoint(path: Path) -> Document:
    from i2vadapt.weights import checkpoint

    content = checkpoint.load(path)
    identity = content.get("identity") or {}
    history, weights = content.get("history") or [], content.get("model") or {}
    unfinished = "optimizer" in content
    return {
        "kind": "state of an unfinished training" if unfinished else "checkpoint",
        "classes": list(content.get("classes") or identity.get("classes") or ()),
        "seed": content.get("seed", identity.get("seed")),
        "stage_version": identity.get("version"),
        "epochs": len(history),
        "weights": sum(int(value.numel()) for value in weights.values()),
        "last_epoch": dict(history[-1]) if history else {},
        "inputs": {name: identity[name] for name in _INPUTS if name in identity},
        "settings": {
            "train": content.get("settings") or identity.get("train"),
            **{name: content[name] for name in ("decode", "flow") if content.get(name)},
        },
    }


def _describe_scores(path: Path) -> Document:
    scores = read_scores(path)
    tested = scores.tested
    return {
        "kind": "scores",
        "epoch": int(path.stem) if path.stem.isdecimal() else None,
        "classes": list(scores.classes),
        "videos": len(scores.ids),
        "tested": int(tested.sum()),
        "videos_by_class": count_labels(scores.labels, scores.classes),
        **accuracies(scores.predictions[tested], scores.labels[tested]),
        "predicted_by_class": count_labels(scores.predictions, scores.classes),
        "features": {side: list(kept.values.shape) for side, kept in scores.features.items()},
    }

"""Pooled features of photographs, generated videos and target videos, in one file for estimators and notebooks."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from i2vadapt import __version__
from i2vadapt.clips.batches import in_order
from i2vadapt.clips.dataset import ClipDataset
from i2vadapt.clips.evaluation import EvaluationClips
from i2vadapt.clips.footage import ItemDataset
from i2vadapt.clips.loading import load_batches
from i2vadapt.clips.photographs import Photographs
from i2vadapt.config.names import canonical
from i2vadapt.config.networks import FRAME_NETWORKS
from i2vadapt.errors import UserError
from i2vadapt.files.atomic import write_atomically
from i2vadapt.files.digests import file_digest
from i2vadapt.inference.classifier import Member, load_classifier
from i2vadapt.inference.scoring import score_clips
from i2vadapt.runtime.precision import choose_arithmetic

FORMAT = 1
SUFFIXES = (".h5", ".npz", ".parquet")
_NAMES = h5py.string_dtype("utf-8")


@dataclass(frozen=True)
class ItemFeatures:
    """Features of n items.

    Attributes:
        ids: ids (n,) of the items.
        labels: true classes (n,), int64, -1 where unknown.
        values: features (n,F), float32, averaged over the frames or time steps of an item.
    """

    ids: tuple[str, ...]
    labels: np.ndarray
    values: np.ndarray


@dataclass(frozen=True)
class FeatureSet:
    """Content of a file of features.

    Attributes:
        classes: class names in the order of the labels.
        sides: features by side, source and target; the source may be missing.
        provenance: package, network, settings and the digests of checkpoint and data.
    """

    classes: tuple[str, ...]
    sides: Mapping[str, ItemFeatures]
    provenance: Mapping[str, Any]


def compute_features(checkpoint: Path, source: Path | None, target: Path, batch_size: int, workers: int) -> FeatureSet:
    """Computes the features of a dataset pair with the network of a run.

    Args:
        checkpoint: checkpoint.pt of the run.
        source: dataset folder of the photographs: a network of single frames gets the photographs, others the generated
            videos. None leaves the source out.
        target: dataset folder of the real videos.
        batch_size: number of items in a forward pass.
        workers: number of loader processes.

    Raises:
        UserError: if the checkpoint or a shard is missing or damaged, or an item has a class that the network does not
            know.
    """
    classifier = load_classifier(checkpoint)
    (member,), classes = classifier.members, classifier.classes
    settings = member.settings
    arithmetic = choose_arithmetic(settings.precision)
    arithmetic.prepare(member.model)
    sides, digests = dict[str, ItemFeatures](), dict[str, Any]()
    for side, dataset in _open_sides(member, source, target).items():
        labelled = dataset.labelled_by(classes)
        frames = settings.test_frames if side == "target" else settings.clip_frames
        clips = EvaluationClips(labelled, 1 if isinstance(dataset, Photographs) else frames, settings.crop)
        batches = load_batches(clips, in_order(len(clips), max(batch_size, 1)), workers)
        values = score_clips(member.model, batches, arithmetic, settings.fusion).features
        sides[side] = ItemFeatures(tuple(item.id for item in labelled.items), labelled.labels, values)
        digests[side] = labelled.digests()
    provenance = {
        "package": __version__,
        "checkpoint": file_digest(checkpoint),
        "train": settings.model_dump(mode="json"),
        "inputs": digests,
    }
    return FeatureSet(classes, sides, provenance)


def _open_sides(member: Member, source: Path | None, target: Path) -> dict[str, ItemDataset]:
    settings = member.settings
    videos = ClipDataset(target, settings.stream)
    if source is None:
        return {"target": videos}
    if settings.network in FRAME_NETWORKS:
        return {"source": Photographs(source, videos.frames_settings), "target": videos}
    return {"source": ClipDataset(source, settings.stream), "target": videos}


def write_features(path: Path, features: FeatureSet) -> None:
    """Writes a file of features, in the format of its suffix; the same features give the same bytes.

    Args:
        path: file to write: .h5, which `read_features` reads; .npz, arrays by names like target_features; or .parquet,
            a table with one row per item, which needs the package pyarrow.
        features: features to write.

    Raises:
        UserError: if the suffix is another one, or pyarrow is missing.
    """
    writers = {".h5": _to_hdf5, ".npz": _to_npz, ".parquet": _to_parquet}
    if path.suffix not in writers:
        raise UserError(
            f"{path}: features can be written as {', '.join(SUFFIXES)}, not {path.suffix or 'without suffix'}"
        )
    write_atomically(path, writers[path.suffix](features))


def _to_hdf5(features: FeatureSet) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs["format"] = FORMAT
        file.attrs["classes"] = json.dumps(features.classes)
        file.attrs["provenance"] = json.dumps(features.provenance, sort_keys=True)
        for side, part in features.sides.items():
            group = file.create_group(side)
            ids = [item_id.encode("utf-8", "surrogateescape") for item_id in part.ids]
            group.create_dataset("ids", data=ids, dtype=_NAMES)
            group.create_dataset("labels", data=part.labels)
            group.create_dataset("features", data=part.values.astype(np.float32))
    return buffer.getvalue()


def _to_npz(features: FeatureSet) -> bytes:
    buffer = io.BytesIO()
    arrays: dict[str, np.ndarray] = {"classes": np.array(features.classes)}
    for side, part in features.sides.items():
        ids = np.array([item_id.encode("utf-8", "replace").decode() for item_id in part.ids])
        arrays |= {f"{side}_ids": ids, f"{side}_labels": part.labels, f"{side}_features": part.values}
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _to_parquet(features: FeatureSet) -> bytes:
    tables = []
    for side, part in features.sides.items():
        table = pd.DataFrame(part.values, columns=[f"feature_{number}" for number in range(part.values.shape[1])])
        names = [features.classes[label] if label >= 0 else "" for label in part.labels]
        table.insert(0, "side", side)
        table.insert(1, "id", [item_id.encode("utf-8", "replace").decode() for item_id in part.ids])
        table.insert(2, "class", names)
        tables.append(table)
    try:
        return pd.concat(tables, ignore_index=True).to_parquet(engine="pyarrow", index=False)
    except ImportError:
        raise UserError("a .parquet file needs the package pyarrow: pip install pyarrow, or write .npz") from None


def read_features(path: Path, classes: Sequence[str] | None = None) -> FeatureSet:
    """Reads a file of features.

    Args:
        path: file written by `write_features` with the suffix .h5.
        classes: expected class names in order; None accepts any.

    Raises:
        UserError: if the file is missing, damaged, of another format, or of other classes.
    """
    try:
        with h5py.File(path, "r") as file:
            if file.attrs["format"] != FORMAT:
                raise UserError(f"{path}: features of format {file.attrs['format']}, not {FORMAT}: compute them again")
            found = tuple(canonical(name) for name in json.loads(file.attrs["classes"]))
            provenance = json.loads(file.attrs["provenance"])
            sides = {side: _read_side(file[side]) for side in ("source", "target") if side in file}
    except FileNotFoundError:
        raise UserError(f"{path}: no such features: compute them first") from None
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise UserError(f"{path}: not a readable file of features ({' '.join(str(error).split())[:200]})") from None
    if classes is not None and found != tuple(classes):
        raise UserError(f"{path}: features of the classes {', '.join(found)}, not {', '.join(classes)}")
    return FeatureSet(found, sides, provenance)


def _read_side(group: Any) -> ItemFeatures:
    ids = tuple(name.decode("utf-8", "surrogateescape") for name in group["ids"][()])
    labels, values = group["labels"][()], group["features"][()]
    if not len(ids) == len(labels) == len(values):
        raise ValueError(f"{len(ids)} ids, {len(labels)} labels and {len(values)} rows of features")
    return ItemFeatures(ids, labels, values)

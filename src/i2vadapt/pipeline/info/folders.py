"""What folders of results hold: those of runs, methods and datasets."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from i2vadapt import stages
from i2vadapt.config.parsing import parse, read_yaml
from i2vadapt.data.items import read_items
from i2vadapt.data.manifest import EXCLUDED_COLUMNS
from i2vadapt.data.shards.reader import ShardReader
from i2vadapt.errors import UserError
from i2vadapt.files import superseded
from i2vadapt.files.locking import is_locked
from i2vadapt.files.tables import read_table
from i2vadapt.inference.method import MethodDescription
from i2vadapt.layout import DatasetFolder, MethodFolder, RunFolder
from i2vadapt.pipeline.info.files import Document, describe_provenance


def describe_folder(path: Path) -> Document:
    """Describes the folder of a run, a method or a dataset.

    Raises:
        UserError: if it is none of these, or a table in it is damaged.
    """
    if MethodFolder(path).description.exists():
        return _describe_method(MethodFolder(path))
    if DatasetFolder(path).manifest.exists():
        return _describe_dataset(DatasetFolder(path))
    if RunFolder(path).settings.exists():
        return _describe_run(RunFolder(path))
    raise UserError(
        f"{path}: not the folder of a run (settings.yaml), of a method (method.yaml) or of a dataset (manifest.csv)"
    )


def _describe_run(folder: RunFolder) -> Document:
    settings = read_yaml(folder.settings)
    rows = read_table(folder.metrics, ("epoch",)) if folder.metrics.exists() else []
    scored = read_table(folder.scores_index, ("epoch", "sha256")) if folder.scores_index.exists() else []
    state = "running" if is_locked(folder.lock) else "done" if folder.checkpoint.exists() else "unfinished"
    return {
        "kind": "run",
        "state": state,
        "epochs": len(rows),
        "scored_epochs": len(scored),
        "last_epoch": {name: _number(value) for name, value in rows[-1].items() if value} if rows else {},
        "checkpoint_bytes": folder.checkpoint.stat().st_size if folder.checkpoint.exists() else None,
        "settings": settings,
        "superseded_versions": len(superseded.earlier(folder.path)),
    }


def _number(text: str) -> float | int | str:
    try:
        return int(text) if text.isdecimal() else float(text)
    except ValueError:
        return text


def _describe_method(folder: MethodFolder) -> Document:
    method = parse(MethodDescription, read_yaml(folder.description), str(folder.description))
    rows = read_table(folder.predictions, ("class", "predicted")) if folder.predictions.exists() else []
    labelled = [row for row in rows if row["class"]]
    right = sum(row["class"] == row["predicted"] for row in labelled)
    return {
        "kind": "method",
        "videos": len(rows),
        "accuracy": right / len(labelled) if labelled else None,
        "videos_by_class": dict(sorted(Counter(row["class"] or "without a label" for row in rows).items())),
        "predicted_by_class": dict(sorted(Counter(row["predicted"] for row in rows).items())),
        **method.model_dump(mode="json"),
    }


def _describe_dataset(folder: DatasetFolder) -> Document:
    items = read_items(folder.manifest)
    excluded = read_table(folder.excluded, EXCLUDED_COLUMNS) if folder.excluded.exists() else []
    reasons = Counter(row["reason"].split(":")[0].split(" of ")[0] for row in excluded)
    shards = folder.count_shards()
    return {
        "kind": "dataset",
        "items": len(items),
        "items_by_class": dict(sorted(Counter(item.class_name or "without a label" for item in items).items())),
        "excluded": dict(reasons.most_common()),
        "shards": shards,
        **{kind: found for kind in stages.KINDS if (found := _describe_shards(folder, kind, shards))},
    }


def _describe_shards(folder: DatasetFolder, kind: stages.Kind, count: int) -> Document:
    """The shards of one kind that are there, and the origin of the first; empty without any."""
    there = [path for path in folder.shards(kind, count) if path.exists()]
    if not there:
        return {}
    provenance = describe_provenance(ShardReader(there[0], kind).provenance)
    origin = {name: value for name, value in provenance.items() if name != "inputs"}
    return {"shards": len(there), "bytes": sum(path.stat().st_size for path in there), **origin}

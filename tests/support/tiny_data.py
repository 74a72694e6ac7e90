"""Tiny datasets of two classes: noise frames in the colour of their class, flow whose sign marks its domain."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from i2vadapt.config.parsing import parse
from i2vadapt.config.preprocessing import DecodeSettings, FlowSettings
from i2vadapt.config.recipes import settings_class
from i2vadapt.data.flow_codec import encode_flow
from i2vadapt.data.items import UNLABELLED, Item, read_items, shard_of, write_items
from i2vadapt.data.shards.build import make_provenance
from i2vadapt.data.shards.codec import encode_jpeg
from i2vadapt.data.shards.format import Encoded, write_shard_file
from i2vadapt.data.shards.reader import ShardReader
from i2vadapt.layout import shard_name
from i2vadapt.training.run import Run

CLASSES = ("walk", "run")
HEIGHT, WIDTH, FRAMES, SHARDS = 40, 48, 10, 2
TIMING = ("clips_per_second", "share_waiting_for_data")
BANK = {"warmup_epochs": 1, "capacity": 2}
TRAIN: dict[str, object] = {
    "crop": 32,
    "clip_frames": 8,
    "test_frames": 8,
    "init": {"rgb": None},
    "precision": "float32",
    "epochs": 3,
    "batch_size": 2,
    "learning_rate": 0.01,
    "bank": None,
    "frozen": "MaxPool3d_4a_3x3",  # random first layers do not matter here, and frozen ones are quicker
}


def make_items(suffix: str, per_class: int = 2, labelled: bool = True) -> list[Item]:
    items = [
        Item(f"{name}/{number}{suffix}", f"/nowhere/{name}/{number}{suffix}", name, label, f"{label}{number}")
        for label, name in enumerate(CLASSES)
        for number in range(per_class)
    ]
    if labelled:
        return items
    return [Item(item.id, item.path, "", UNLABELLED, item.digest) for item in items]


def write_frames(folder: Path, items: list[Item], seed: int) -> None:
    """Writes shards of frames, and the item tables."""
    write_items(folder / "manifest.csv", items)
    provenance = make_provenance("decode", 1, DecodeSettings(short_side=HEIGHT).model_dump(mode="json"), {})
    for part in range(SHARDS):
        mine = [item for item in items if shard_of(item.id, SHARDS) == part]
        write_items(folder / "items" / f"{shard_name(part)}.csv", mine)
        results = []
        for item in mine:
            rng = np.random.default_rng([seed, int(item.digest)])
            frames = rng.integers(0, 120, (FRAMES, HEIGHT, WIDTH, 3), np.uint8)
            frames[..., int(item.digest) // 10] += 130
            info = {"height": HEIGHT, "width": WIDTH, "fps": 25.0}
            results.append(Encoded(item.id, item.label, [encode_jpeg(frame, 90) for frame in frames], info))
        path = folder / "frames" / f"{shard_name(part)}.h5"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_shard_file(path, "frames", results, provenance)


def write_flow(folder: Path, v: float) -> None:
    """Writes shards of flow for the existing frames; v is constant and u is noise."""
    settings = FlowSettings(bound=10)
    for part in range(SHARDS):
        frames = ShardReader(folder / "frames" / f"{shard_name(part)}.h5", "frames")
        results = []
        for number, item_id in enumerate(frames.ids):
            rng = np.random.default_rng([part, number])
            fields = np.full((FRAMES - 1, HEIGHT, WIDTH, 2), v, np.float32)
            fields[..., 0] = rng.normal(0, 3, fields.shape[:-1])
            data = [encode_flow(field, settings.bound, 95) for field in fields]
            results.append(Encoded(item_id, int(frames.labels[number]), data, {"height": HEIGHT, "width": WIDTH}))
        path = folder / "flow" / f"{shard_name(part)}.h5"
        path.parent.mkdir(parents=True, exist_ok=True)
        inputs = {"frames": frames.digest}
        write_shard_file(path, "flow", results, make_provenance("flow", 1, settings.model_dump(mode="json"), inputs))


def write_datasets(root: Path, flow: bool = True, labelled: bool = True) -> None:
    """Writes the folders source (v = +4 px) and target (v = -4 px)."""
    for seed, (name, suffix, v) in enumerate((("source", ".jpg", 4.0), ("target", ".mp4", -4.0))):
        write_frames(root / name, make_items(suffix, labelled=labelled or name == "source"), seed)
        if flow:
            write_flow(root / name, v)


def write_photographs(folder: Path) -> None:
    """Writes photographs in the colour of their class and the manifest that names them; shards keep their items."""
    rng, items = np.random.default_rng(0), read_items(folder / "manifest.csv")
    placed = [replace(item, path=str(folder / item.id.replace("/", "-"))) for item in items]
    for item in placed:
        picture = rng.integers(0, 100, (60, 90, 3), np.uint8)
        picture[..., item.label] += 150
        Path(item.path).write_bytes(encode_jpeg(picture, 95))
    write_items(folder / "manifest.csv", placed)


def make_run(
    data: Path, folder: Path, workers: int = 0, parents: Mapping[str, Path] | None = None, **changes: object
) -> Run:
    """A run on the tiny data; without changes, the RGB run of the full method."""
    document = {**TRAIN, **changes}
    settings = parse(settings_class(document, "test"), document, "test").relevant()
    return Run(folder, data / "source", data / "target", CLASSES, settings, 5, workers, parents or {})


def make_flow_run(data: Path, folder: Path, partner: Path, workers: int = 0, **changes: object) -> Run:
    """The flow run of the full method; the partner of its bank is the RGB run in the folder `partner`."""
    bank = {**BANK, "partner": "rgb"}
    return make_run(data, folder, workers, {"rgb": partner}, **{"stream": "flow", "bank": bank, **changes})


def read_metrics(folder: Path) -> list[dict[str, str]]:
    """Rows of metrics.csv without the columns that depend on time."""
    with (folder / "metrics.csv").open(newline="") as file:
        return [{name: value for name, value in row.items() if name not in TIMING} for row in csv.DictReader(file)]

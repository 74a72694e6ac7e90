"""A tiny results folder: three classes, two shards a dataset, two methods, two seeds."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import yaml

from i2vadapt.data.flow_codec import encode_flow
from i2vadapt.data.items import Item, shard_of, write_items
from i2vadapt.data.shards.codec import encode_depth, encode_jpeg
from i2vadapt.data.shards.format import Encoded, Failed, write_shard_file
from i2vadapt.files.tables import write_table
from i2vadapt.layout import shard_name

CLASSES = ("run", "sit <down>", "wave & smile")
HEIGHT, WIDTH, BOUND = 48, 64, 20.0
COLOURS = ((200, 40, 40), (40, 200, 40), (40, 40, 200))
MOTION = 5.0
SHARDS = 2
PROVENANCE = {"stage": "flow", "settings": {"bound": BOUND}, "package": "0", "inputs": {}}


def picture(label: int) -> np.ndarray:
    return np.full((HEIGHT, WIDTH, 3), COLOURS[label], np.uint8)


def stage_results(stage: str, items: Sequence[Item], failing: Sequence[str]) -> list[Encoded | Failed]:
    """Flow goes to the right with 5 pixels a frame in the left half; a tenth of it is said to be clipped."""
    ramp = np.tile(np.linspace(0, 65535, WIDTH).astype(np.uint16), (HEIGHT, 1))
    field = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    field[:, : WIDTH // 2, 0] = MOTION
    results: list[Encoded | Failed] = []
    for item in items:
        if item.id in failing:
            results.append(Failed(item.id, "does not decode"))
            continue
        info = {"height": HEIGHT, "width": WIDTH, "fps": 25.0, "clipped": 0.1}
        frames = {
            "depth": [encode_depth(ramp)],
            "frames": [encode_jpeg(picture(max(item.label, 0)), 95)] * 16,
            "flow": [encode_flow(field, BOUND, 95)] * 15,
        }[stage]
        results.append(Encoded(item.id, item.label, frames, info))
    return results


def write_dataset(folder: Path, items: Sequence[Item], stages: Sequence[str], failing: Sequence[str] = ()) -> None:
    parts: list[list[Item]] = [[item for item in items if shard_of(item.id, SHARDS) == part] for part in range(SHARDS)]
    write_items(folder / "manifest.csv", items)
    excluded = [
        {"id": "a.txt", "class": "run", "reason": "not an image by its suffix"},
        {"id": "b.jpg", "class": "run", "reason": "duplicate of c.jpg"},
        {"id": "d.jpg", "class": "run", "reason": "duplicate of e.jpg"},
    ]
    write_table(folder / "excluded.csv", ("id", "class", "reason"), excluded)
    for index, part in enumerate(parts):
        write_items(folder / "items" / f"{shard_name(index)}.csv", part)
        for stage in stages:
            path = folder / stage / f"{shard_name(index)}.h5"
            path.parent.mkdir(exist_ok=True)
            write_shard_file(path, stage, stage_results(stage, part, failing), PROVENANCE)


def make_items(root: Path, suffix: str, count: int, labelled: bool = True) -> list[Item]:
    items = []
    for label, name in enumerate(CLASSES):
        for number in range(count):
            item_id = f"{label}/{number}{suffix}"
            items.append(Item(item_id, str(root / item_id), name if labelled else "", label if labelled else -1, "0"))
    return items


def write_run(folder: Path, truth: Sequence[str], streams: dict[str, Sequence[str]], train: dict[str, object]) -> None:
    """Predictions as given, the last stream's for both together; metrics of four epochs, of which two are evaluated."""
    fused = list(streams.values())[-1]
    rows = [
        {"id": f"{number}", "class": true, "predicted": fused[number], "confidence": "1.2"}
        | {f"predicted_{name}": values[number] for name, values in streams.items()}
        for number, true in enumerate(truth)
    ]
    write_table(folder / "predictions.csv", list(rows[0]), rows)
    header = [
        "epoch",
        "loss",
        "loss_video_rgb",
        "pace_accuracy",
        "accuracy_rgb",
        "bank_used",
        "bank_purity",
        "bank_flows",
    ]
    epochs = [
        [1, 2.0, 1.0, 0.2, "", 0, "", ""],
        [2, 1.5, 0.8, 0.3, 0.5, 0, 0.6, 20],
        [3, 1.2, 0.7, 0.4, "", 1, "", ""],
        [4, 1.0, 0.6, 0.5, 0.75, 1, 0.8, 24],
    ]
    write_table(folder / "metrics.csv", header, [dict(zip(header, row, strict=True)) for row in epochs])
    settings = {"package": "0.1", "train": train, "source": {"frames": ["ab", "cd"], "flow": []}, "target": {}}
    (folder / "settings.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))


def write_results(root: Path, labelled: bool) -> Path:
    photographs = make_items(root / "photographs", ".png", 3)
    for item in photographs:
        Path(item.path).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(item.path, picture(item.label)[..., ::-1])
    results = root / "results"
    write_dataset(results / "datasets" / "photographs", photographs, ("depth", "frames", "flow"), ["0/1.png"])
    videos = make_items(root / "videos", ".mp4", 2, labelled)
    write_dataset(results / "datasets" / "videos", videos, ("frames", "flow"))
    truth = [item.class_name for item in videos]
    run, sit, wave = CLASSES
    for seed, flow in enumerate(([run, run, sit, sit, wave, wave], [run, run, sit, sit, wave, run])):
        runs = results / "runs" / "tiny"
        rgb = [run, sit, sit, run, wave, run]
        write_run(runs / "so_rgb" / f"seed{seed}", truth, {"rgb": rgb}, {"bank": None, "epochs": 4})
        bank = {"capacity": 60, "warmup_epochs": 2}
        write_run(runs / "full" / f"seed{seed}", truth, {"rgb": rgb, "flow": flow}, {"bank": bank, "epochs": 4})
    measured = results / "benchmarks" / "flow"
    measured.mkdir(parents=True)
    (measured / "photographs-0000.tsv").write_text("s\th:m:s\tmax_rss\n30.5\t0:00:30\t210.0\n")
    (measured / "photographs-0001.tsv").write_text("s\th:m:s\tmax_rss\n40.0\t0:00:40\t-\n")
    write_benchmark(root / "tiny.yaml")
    for path in results.rglob("*"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    return results


def write_benchmark(path: Path) -> None:
    sides = {name: {"dataset": name, "root": f"data/{name}", "shards": SHARDS} for name in ("photographs", "videos")}
    sides["photographs"]["expected"] = 10
    classes = {name: {"source": [name], "target": [name]} for name in CLASSES}
    document = {"name": "tiny", "source": sides["photographs"], "target": sides["videos"], "classes": classes}
    path.write_text(yaml.safe_dump(document, sort_keys=False))

"""A tiny results folder: three classes, two shards per dataset, two methods that share a run, two seeds."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import yaml

from i2vadapt.data.flow_codec import encode_flow
from i2vadapt.data.items import Item, shard_of, write_items
from i2vadapt.data.shards.codec import encode_depth, encode_jpeg
from i2vadapt.data.shards.format import Encoded, Failed, write_shard_file
from i2vadapt.files.digests import file_digest
from i2vadapt.files.tables import read_table, write_table
from i2vadapt.inference.metrics import accuracies
from i2vadapt.inference.scores import Scores, fuse, read_scores, write_scores
from i2vadapt.layout import DatasetFolder, MethodFolder, Results, RunFolder, shard_name

CLASSES = ("run", "sit <down>", "wave & smile")
HEIGHT, WIDTH, BOUND = 48, 64, 20.0
COLOURS = ((200, 40, 40), (40, 200, 40), (40, 40, 200))
MOTION = 5.0
SHARDS = 2
PROVENANCE = {"stage": "flow", "settings": {"bound": BOUND}, "package": "0", "inputs": {}}


def picture(label: int) -> np.ndarray:
    return np.full((HEIGHT, WIDTH, 3), COLOURS[label], np.uint8)


def shard_content(kind: str, items: Sequence[Item], failing: Sequence[str]) -> list[Encoded | Failed]:
    """Flow that points right by 5 pixels per frame in the left half; a tenth of it is recorded as clipped."""
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
            "frames": [encode_jpeg(picture(max(item.label, 0)), 95)] * 8 + [encode_jpeg(picture(2), 95)] * 8,
            "flow": [encode_flow(field, BOUND, 95)] * 15,
        }[kind]
        results.append(Encoded(item.id, item.label, frames, info))
    return results


def write_dataset(
    folder: DatasetFolder, items: Sequence[Item], kinds: Sequence[str], failing: Sequence[str] = ()
) -> None:
    parts: list[list[Item]] = [[item for item in items if shard_of(item.id, SHARDS) == part] for part in range(SHARDS)]
    write_items(folder.manifest, items)
    excluded = [
        {"id": "a.txt", "class": "run", "reason": "not an image by its suffix"},
        {"id": "b.jpg", "class": "run", "reason": "duplicate of c.jpg"},
        {"id": "d.jpg", "class": "run", "reason": "duplicate of e.jpg"},
    ]
    write_table(folder.excluded, ("id", "class", "reason"), excluded)
    for index, part in enumerate(parts):
        write_items(folder.items(shard_name(index)), part)
        for kind in kinds:
            path = folder.shard(kind, shard_name(index))
            path.parent.mkdir(exist_ok=True)
            write_shard_file(path, kind, shard_content(kind, part, failing), PROVENANCE)


def make_items(root: Path, suffix: str, count: int, labelled: bool = True) -> list[Item]:
    items = []
    for label, name in enumerate(CLASSES):
        for number in range(count):
            item_id = f"{label}/{number}{suffix}"
            items.append(Item(item_id, str(root / item_id), name if labelled else "", label if labelled else -1, "0"))
    return items


def make_scores(
    items: Sequence[Item], predicted: Sequence[str], confidence: float, classes: Sequence[str] = CLASSES
) -> Scores:
    """Scores that predict the given classes, all with the same probability."""
    probabilities = np.full((len(items), len(classes)), (1 - confidence) / (len(classes) - 1), np.float32)
    probabilities[np.arange(len(items)), [classes.index(name) for name in predicted]] = confidence
    labels = np.array([item.label for item in items], np.int64)
    tested = np.ones(len(items), bool)
    return Scores(tuple(item.id for item in items), tuple(classes), labels, tested, probabilities)


def write_run(
    folder: RunFolder,
    scores: Mapping[int, Scores],
    metrics: Sequence[Mapping[str, object]],
    train: Mapping[str, object],
) -> None:
    """Writes the files of a run; the accuracies of its scores are added to the rows of its metrics."""
    index = []
    by_epoch = {}
    for epoch, part in scores.items():
        write_scores(folder.scores(epoch), part, epoch)
        by_epoch[epoch] = accuracies(part.predictions[part.tested], part.labels[part.tested])
        index.append({"epoch": epoch, "sha256": file_digest(folder.scores(epoch)), **by_epoch[epoch]})
    write_table(folder.scores_index, ("epoch", "sha256", "accuracy", "class_accuracy"), index)
    rows = [{**row, **by_epoch.get(int(str(row["epoch"])), {})} for row in metrics]
    write_table(folder.metrics, list(dict.fromkeys(name for row in rows for name in row)), rows)
    shards: dict[str, object] = {"frames": ["ab", "cd"], "flow": []}
    settings = {"package": "0.1", "version": 6, "train": dict(train), "source": shards, "target": {}, "parents": {}}
    folder.settings.write_text(yaml.safe_dump(settings, sort_keys=False))


def write_method(
    folder: MethodFolder, title: str, runs: Mapping[str, RunFolder], protocol: str = "transductive"
) -> None:
    """Fuses the last scores of some runs, given by their stream."""
    parts, described = {}, []
    for stream, run in runs.items():
        name = run.path.parent.name
        last = read_table(run.scores_index, ("epoch", "sha256"))[-1]
        parts[stream] = read_scores(run.scores(int(last["epoch"])))
        place = os.path.relpath(run.path, folder.path)
        described.append(
            {"name": name, "stream": stream, "folder": place, "epochs": int(last["epoch"]), "scores": last["sha256"]}
        )
    fused = fuse(list(parts.values()))
    names = np.array(fused.classes)
    columns = {"predicted": fused, **{f"predicted_{stream}": part for stream, part in parts.items()}}
    rows = [
        {"id": item, "class": names[fused.labels[place]] if fused.labels[place] >= 0 else ""}
        | {column: names[part.predictions[place]] for column, part in columns.items()}
        | {"confidence": f"{fused.confidence[place]:.6f}"}
        for place, item in enumerate(fused.ids)
        if fused.tested[place]
    ]
    write_table(folder.predictions, list(rows[0]), rows)
    document = {"title": title, "protocol": protocol, "classes": list(fused.classes), "runs": described}
    document["predictions"] = file_digest(folder.predictions)
    folder.description.write_text(yaml.safe_dump(document, sort_keys=False))


def write_runs_and_methods(results: Results, videos: Sequence[Item], seeds: Iterable[int] = (0, 1)) -> None:
    """Writes runs rgb and flow_bank, methods so_rgb and full; flow is wrong for one video of the second seed only."""
    run, sit, wave = CLASSES
    rgb = [run, sit, sit, run, wave, run]
    flow = [run, run, sit, sit, wave, wave], [run, run, sit, sit, wave, run]
    rows = [{"epoch": epoch, "loss": 2.5 - epoch / 2, "loss_video": 1.5 - epoch / 4} for epoch in range(1, 5)]
    banks = {2: {"bank_purity": 0.6, "bank_flows": 20}, 4: {"bank_purity": 0.8, "bank_flows": 24}}
    for row in banks.values():
        row |= {f"bank_fill_{name}": row["bank_flows"] // 2 - 2 * number for number, name in enumerate(CLASSES)}
        row |= {f"bank_purity_{name}": 0.3 * number + row["bank_purity"] / 10 for number, name in enumerate(CLASSES)}
    paced = [row | {"loss_pace": 1.0, "pace_accuracy": 0.1 * int(row["epoch"])} for row in rows]
    banked = [row | {"bank_used": int(row["epoch"] > 2)} | banks.get(int(row["epoch"]), {}) for row in rows]
    for seed in seeds:
        folders = {name: results.run("tiny", name, seed) for name in ("rgb", "flow_bank")}
        scores = {epoch: make_scores(videos, rgb, 0.5) for epoch in (2, 4)}
        write_run(folders["rgb"], scores, paced, {"stream": "rgb", "bank": None, "epochs": 4})
        clips = [
            (epoch, pace, guess, 1 + epoch * (pace == guess)) for epoch in (3, 4) for pace in (1, 2) for guess in (1, 2)
        ]
        columns = ("epoch", "pace", "predicted", "clips")
        write_table(folders["rgb"].pace_counts, columns, (dict(zip(columns, row, strict=True)) for row in clips))
        scores = {2: make_scores(videos, rgb, 0.9), 3: make_scores(videos, rgb, 0.9)}
        scores[4] = make_scores(videos, flow[seed % 2], 0.9)
        bank = {"partner": "rgb", "capacity": 60, "warmup_epochs": 2}
        write_run(folders["flow_bank"], scores, banked, {"stream": "flow", "bank": bank, "epochs": 4})
        write_method(results.method("tiny", "so_rgb", seed), "SO (RGB)", {"rgb": folders["rgb"]})
        both = {"rgb": folders["rgb"], "flow": folders["flow_bank"]}
        write_method(results.method("tiny", "full", seed), "Full model", both)


def write_results(root: Path, labelled: bool) -> Results:
    photographs = make_items(root / "photographs", ".png", 3)
    for item in photographs:
        Path(item.path).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(item.path, picture(item.label)[..., ::-1])
    results = Results(root / "results")
    write_dataset(results.dataset("photographs"), photographs, ("depth", "frames", "flow"), ["0/1.png"])
    videos = make_items(root / "videos", ".mp4", 2, labelled)
    write_dataset(results.dataset("videos"), videos, ("frames", "flow"))
    write_runs_and_methods(results, videos)
    for shard, cells in (("0000", "30.5\t0:00:30\t210.0"), ("0001", "40.0\t0:00:40\t-")):
        path = results.job_time("flow", f"photographs-{shard}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"s\th:m:s\tmax_rss\n{cells}\n")
    write_benchmark(root / "tiny.yaml")
    for path in results.path.rglob("*"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    return results


def write_benchmark(path: Path) -> None:
    sides = {name: {"dataset": name, "root": f"data/{name}", "shards": SHARDS} for name in ("photographs", "videos")}
    sides["photographs"]["expected"] = 10
    classes = {name: {"source": [name], "target": [name]} for name in CLASSES}
    document = {"name": "tiny", "source": sides["photographs"], "target": sides["videos"], "classes": classes}
    path.write_text(yaml.safe_dump(document, sort_keys=False))

"""A method of two untrained networks, RGB and flow, and three videos."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tiny_data import CLASSES, TRAIN

from i2vadapt.config.parsing import parse
from i2vadapt.config.preprocessing import DecodeSettings, FlowSettings
from i2vadapt.config.recipes.video import Settings
from i2vadapt.data.decode import run_decode
from i2vadapt.data.items import Item, write_items
from i2vadapt.data.video import write_video
from i2vadapt.files.digests import file_digest
from i2vadapt.flow.stage import run_flow
from i2vadapt.models.registry import build_network
from i2vadapt.models.stream_network import RunNetwork
from i2vadapt.weights import checkpoint

DECODE = DecodeSettings(short_side=40, min_frames=4, quality=100, gain=0.6)
FLOW = FlowSettings(bound=10, quality=100, backend="opencv")
STREAMS = ("rgb", "flow")


def content(stream: str, **changes: Any) -> dict[str, Any]:
    """Content of the checkpoint of a network; `changes` are of its settings."""
    document = {**TRAIN, "stream": stream, "frozen": "none", "batch_norm_momentum": 1.0, **changes}
    settings = parse(Settings, document, "test").relevant()
    torch.manual_seed(0)
    network = build_network(settings, len(CLASSES))
    with torch.no_grad():
        # Batch statistics of blocks like those of the videos: otherwise random networks give one answer to all.
        blocks = torch.randn(4, 3 if stream == "rgb" else 2, 8, 4, 4) * (0.6 if stream == "rgb" else 0.1)
        RunNetwork(network)(blocks.repeat_interleave(8, 3).repeat_interleave(8, 4))
    return {
        "model": network.state_dict(),
        "classes": list(CLASSES),
        "settings": settings.model_dump(mode="json"),
        "seed": 0,
        "decode": DECODE.model_dump(mode="json"),
        "flow": FLOW.model_dump(mode="json") if stream == "flow" else {},
    }


def write_description(folder: Path, runs: Sequence[str], weights: Sequence[float] = (1.0, 1.0)) -> None:
    """Writes method.yaml of a method whose runs lie beside its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    listed = [
        {"name": run, "stream": run, "folder": f"../{run}", "epochs": 1, "scores": "", "weight": weight}
        for run, weight in zip(runs, weights, strict=True)
    ]
    document = {
        "title": "Both",
        "protocol": "transductive",
        "classes": list(CLASSES),
        "runs": listed,
        "predictions": "",
    }
    (folder / "method.yaml").write_text(str(document))


def save_method(root: Path) -> None:
    """Writes the networks, the method, three videos of 60x48 pixels and one that is too short."""
    for stream in STREAMS:
        checkpoint.save(root / stream / "checkpoint.pt", content(stream))
    write_description(root / "method", list(STREAMS))
    rng = np.random.default_rng(0)
    for number in range(3):
        picture = rng.integers(0, 256, (7, 9, 3)).astype(np.uint8).repeat(10, 0).repeat(10, 1)
        frames = np.stack([picture[k : k + 48, 10 + (number - 1) * (k // 2) :][:, :60] for k in range(12)])
        write_video(root / f"{number}.mp4", frames, 25.0)
    write_video(root / "short.mp4", frames[:3], 25.0)


def make_dataset(saved: Path, decode: DecodeSettings = DECODE, flow: FlowSettings = FLOW) -> tuple[Path, list[Item]]:
    """The dataset of the three videos, preprocessed; the last one has no label."""
    labels = [0, 1, -1]
    items = [
        Item(path.name, str(path), CLASSES[label] if label >= 0 else "", label, file_digest(path))
        for path, label in zip([saved / f"{n}.mp4" for n in range(3)], labels, strict=True)
    ]
    folder = saved / f"dataset-{decode.codec}-{flow.codec}"
    write_items(folder / "manifest.csv", items)
    write_items(folder / "items" / "0000.csv", items)
    run_decode(items, folder / "frames" / "0000.h5", decode, 1, 0.0)
    run_flow(folder / "frames" / "0000.h5", folder / "flow" / "0000.h5", flow, 1, 0.0)
    return folder, items

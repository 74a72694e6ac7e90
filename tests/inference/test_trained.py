from __future__ import annotations

import csv
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from i2vadapt.inference.trained import evaluate, load_trained, predict_video, write_predictions
from i2vadapt.models.two_stream import TwoStream
from tiny_data import CLASSES, TRAIN

from i2vadapt.clips.dataset import Sample
from i2vadapt.config import TrainSettings
from i2vadapt.config.parsing import parse
from i2vadapt.config.preprocessing import DecodeSettings, FlowSettings
from i2vadapt.data.decode import run_decode
from i2vadapt.data.items import Item, write_items
from i2vadapt.data.video import write_video
from i2vadapt.errors import UserError
from i2vadapt.files.digests import file_digest
from i2vadapt.flow.stage import run_flow
from i2vadapt.inference.scores import Scores, score
from i2vadapt.training import checkpoint
from i2vadapt.training.run import build_model

DECODE = DecodeSettings(short_side=40, min_frames=4, quality=100, gain=0.6)
FLOW = FlowSettings(bound=10, quality=100, backend="opencv")


def content(**changes: Any) -> dict[str, Any]:
    settings = parse(TrainSettings, {**TRAIN, "frozen": "none", "batch_norm_momentum": 1.0, **changes}, "test")
    torch.manual_seed(0)
    model = build_model(settings, len(CLASSES))
    with torch.no_grad():
        for name in model.streams:
            # Batch statistics of blocks like those of the videos: otherwise random networks give one answer to all.
            blocks = torch.randn(4, 3 if name == "rgb" else 2, 8, 4, 4) * (0.6 if name == "rgb" else 0.1)
            model(name, blocks.repeat_interleave(8, 3).repeat_interleave(8, 4))
    return {
        "model": model.state_dict(),
        "classes": list(CLASSES),
        "settings": settings.model_dump(mode="json"),
        "seed": 0,
        "decode": DECODE.model_dump(mode="json"),
        "flow": FLOW.model_dump(mode="json"),
    }


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Checkpoint of networks that were not trained, and three videos of 60x48 pixels."""
    root = tmp_path_factory.mktemp("trained")
    checkpoint.save(root / "checkpoint.pt", content())
    rng = np.random.default_rng(0)
    for number in range(3):
        picture = rng.integers(0, 256, (7, 9, 3)).astype(np.uint8).repeat(10, 0).repeat(10, 1)
        frames = np.stack([picture[k : k + 48, 10 + (number - 1) * (k // 2) :][:, :60] for k in range(12)])
        write_video(root / f"{number}.mp4", frames, 25.0)
    write_video(root / "short.mp4", frames[:3], 25.0)
    yield root
    shutil.rmtree(root)


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_foreign_checkpoints_are_one_line(tmp_path: Path) -> None:
    whole = content(streams=["rgb"], bank=None)
    cases = {
        "unfinished": ({"model": whole["model"], "epoch": 3}, "not a trained classifier, it has no classes, settings"),
        "other classes": ({**whole, "classes": ["a", "b", "c"]}, "weights of another architecture: .*size mismatch"),
        "other streams": (
            {**whole, "settings": {**whole["settings"], "streams": ["rgb", "flow"]}},
            "weights of another architecture: .*networks.flow",
        ),
        "later settings": ({**whole, "settings": {**whole["settings"], "warp": 9}}, "warp: no such key"),
    }
    path = tmp_path / "checkpoint.pt"
    for name, (document, message) in cases.items():
        checkpoint.save(path, document)
        with pytest.raises(UserError, match=message) as caught:
            load_trained(path)
        assert str(caught.value).startswith(str(path)), name
        assert len(str(caught.value).splitlines()) == 1, name
    path.unlink()


def test_a_plain_video_is_seen_as_the_same_video_in_a_dataset(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, torch.Tensor]] = []

    def spy(model: TwoStream, batches: Iterable[Sample], *arguments: Any) -> Scores:
        batches = list(batches)
        seen.extend(
            {name: clip[k] for name, clip in batch.items()} for batch in batches for k in range(len(batch["rgb"]))
        )
        return score(model, batches, *arguments)

    monkeypatch.setattr("i2vadapt.inference.trained.score", spy)
    trained = load_trained(saved / "checkpoint.pt")
    labels = [0, 1, -1]
    items = [
        Item(path.name, str(path), CLASSES[label] if label >= 0 else "", label, file_digest(path))
        for path, label in zip([saved / f"{n}.mp4" for n in range(3)], labels, strict=True)
    ]
    folder = saved / "dataset"
    write_items(folder / "manifest.csv", items)
    write_items(folder / "items" / "0000.csv", items)
    run_decode(items, folder / "frames" / "0000.h5", DECODE, 1, 0.0)
    run_flow(folder / "frames" / "0000.h5", folder / "flow" / "0000.h5", FLOW, 1, 0.0)
    found = evaluate(trained, folder, saved / "predictions.csv", 2, 0)
    rows = read(saved / "predictions.csv")
    assert [row["class"] for row in rows] == ["walk", "run", ""]
    right = [row["class"] == row["predicted"] for row in rows[:2]]
    assert found["accuracy_fused"] == np.mean(right)
    for number, item in enumerate(items):
        assert predict_video(trained, Path(item.path)).sum() == pytest.approx(1)
        stored, plain = seen[number], seen[-1]
        for name in ("rgb", "flow"):
            # What is stored went through JPEG, which blurs the edges of colours.
            first, second = (clip[name].float() - 128 for clip in (stored, plain))
            assert (first - second).abs().mean() < 0.2 * second.abs().mean(), name
    assert len({row["score_walk"] for row in rows}) == 3


def test_videos_that_are_too_short_or_no_videos(saved: Path) -> None:
    trained = load_trained(saved / "checkpoint.pt")
    with pytest.raises(UserError, match=r"short\.mp4: 3 frames decode, at least 4 are needed"):
        predict_video(trained, saved / "short.mp4")
    (saved / "text.mp4").write_text("x")
    with pytest.raises(UserError, match=r"text\.mp4: not a readable video"):
        predict_video(trained, saved / "text.mp4")


def test_the_table_of_predictions(tmp_path: Path) -> None:
    rgb = np.array([[0.7, 0.3], [0.4, 0.6]], np.float32)
    flow = np.array([[0.2, 0.8], [0.1, 0.9]], np.float32)
    scores = Scores({"rgb": rgb, "flow": flow}, {})
    out = tmp_path / "predictions.csv"
    write_predictions(out, ["a,b.mp4", "c.mp4"], np.array([0, -1]), CLASSES, scores)
    assert read(out) == [
        {
            "id": "a,b.mp4",
            "class": "walk",
            "predicted": "run",
            "confidence": "1.10000",
            "predicted_rgb": "walk",
            "predicted_flow": "run",
            "score_walk": "0.90000",
            "score_run": "1.10000",
        },
        {
            "id": "c.mp4",
            "class": "",
            "predicted": "run",
            "confidence": "1.50000",
            "predicted_rgb": "run",
            "predicted_flow": "run",
            "score_walk": "0.50000",
            "score_run": "1.50000",
        },
    ]

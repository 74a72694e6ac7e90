"""Trained classifiers, loaded from a method or a checkpoint, on datasets and on plain videos."""

from __future__ import annotations

import csv
import shutil
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from damaged_videos import write_damaged
from tiny_data import CLASSES, TRAIN

from i2vadapt.cli import main
from i2vadapt.clips.dataset import ClipDataset
from i2vadapt.clips.evaluation import evaluation_clip
from i2vadapt.config.parsing import parse
from i2vadapt.config.preprocessing import DecodeSettings, FlowSettings
from i2vadapt.config.recipes.video import Settings
from i2vadapt.data.decode import prepare_frames, run_decode
from i2vadapt.data.items import Item, write_items
from i2vadapt.data.video import VideoStream, write_video
from i2vadapt.errors import UserError
from i2vadapt.files.digests import file_digest
from i2vadapt.flow.stage import run_flow
from i2vadapt.inference.classifier import load_classifier
from i2vadapt.inference.evaluate import evaluate
from i2vadapt.inference.predict import VideoFile, needed_frames, predict_video
from i2vadapt.inference.predictions import write_predictions
from i2vadapt.inference.scores import Scores
from i2vadapt.models.registry import build_network
from i2vadapt.models.stream_network import RunNetwork
from i2vadapt.weights import checkpoint

DECODE = DecodeSettings(short_side=40, min_frames=4, quality=100, gain=0.6)
FLOW = FlowSettings(bound=10, quality=100, backend="opencv")
STREAMS = ("rgb", "flow")


def content(stream: str, **changes: Any) -> dict[str, Any]:
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


def write_description(folder: Path, runs: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    listed = [{"name": run, "stream": run, "folder": f"../{run}", "epochs": 1, "scores": ""} for run in runs]
    document = {"title": "Both", "protocol": "transductive", "classes": list(CLASSES), "runs": listed}
    (folder / "method.yaml").write_text(str(document))


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A method of two untrained networks, and three videos of 60x48 pixels."""
    root = tmp_path_factory.mktemp("classifier")
    for stream in STREAMS:
        checkpoint.save(root / stream / "checkpoint.pt", content(stream))
    write_description(root / "method", list(STREAMS))
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
    whole = content("rgb")
    later = {**whole["settings"], "warp": 9}
    cases = {
        "unfinished": ({"model": whole["model"], "epoch": 3}, "not a trained classifier: classes, settings"),
        "other classes": ({**whole, "classes": ["a", "b", "c"]}, "weights of another architecture: .*size mismatch"),
        "other stream": (
            {**whole, "settings": {**whole["settings"], "stream": "flow"}},
            "weights of another architecture: .*Conv3d_1a_7x7",
        ),
        "later settings": ({**whole, "settings": later}, "warp: no such key"),
        "unknown recipe": (
            {**whole, "settings": {**later, "recipe": "sound"}},
            "recipe: must be one of frames, .*video",
        ),
        "features": (
            {"identity": {"features": {}}, "classes": [], "settings": {}},
            "classifies features, not videos",
        ),
    }
    path = tmp_path / "checkpoint.pt"
    for name, (document, message) in cases.items():
        checkpoint.save(path, document)
        with pytest.raises(UserError, match=message) as caught:
            load_classifier(path)
        assert str(caught.value).startswith(str(path)), name
        assert len(str(caught.value).splitlines()) == 1, name
    path.unlink()


def test_folders_that_are_no_method_are_one_line(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"not the folder of a method: method\.yaml is missing"):
        load_classifier(tmp_path)
    with pytest.raises(UserError, match=r"the folder of a run: give its checkpoint\.pt, or the folder of a method"):
        load_classifier(saved / "rgb")
    write_description(tmp_path / "method", list(STREAMS))
    with pytest.raises(UserError, match=r"rgb/checkpoint\.pt: no such checkpoint"):
        load_classifier(tmp_path / "method")
    shutil.copytree(saved / "rgb", tmp_path / "rgb")
    other = {**content("flow"), "classes": ["run", "walk"]}
    checkpoint.save(tmp_path / "flow" / "checkpoint.pt", other)
    write_description(tmp_path / "method", list(STREAMS))
    with pytest.raises(UserError, match=r"flow/checkpoint\.pt: trained for the classes run, walk, .* for walk, run"):
        load_classifier(tmp_path / "method")
    decode = {**DECODE.model_dump(mode="json"), "short_side": 64}
    checkpoint.save(tmp_path / "flow" / "checkpoint.pt", {**content("flow"), "decode": decode})
    with pytest.raises(UserError, match=r"trained on frames of other settings \(decode\) than those of"):
        load_classifier(tmp_path / "method")
    shutil.rmtree(tmp_path)


def make_dataset(saved: Path) -> tuple[Path, list[Item]]:
    """The dataset of the three videos, preprocessed; the last one has no label."""
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
    return folder, items


def test_a_plain_video_is_seen_as_the_same_video_in_a_dataset(saved: Path) -> None:
    classifier = load_classifier(saved / "method")
    folder, items = make_dataset(saved)
    found = evaluate(classifier, folder, saved / "predictions.csv", 2, 0)
    rows = read(saved / "predictions.csv")
    assert [row["class"] for row in rows] == ["walk", "run", ""]
    right = [row["class"] == row["predicted"] for row in rows[:2]]
    assert found["accuracy_fused"] == np.mean(right)
    for item, row in zip(items, rows, strict=True):
        scores = predict_video(classifier, Path(item.path))
        assert scores.sum() == pytest.approx(1)
        # What is stored went through JPEG, which blurs the edges of colours.
        assert scores[0] == pytest.approx(float(row["score_walk"]) / 2, abs=0.1)
    assert len({row["score_walk"] for row in rows}) == 3


@pytest.mark.parametrize("stream", STREAMS)
def test_the_clip_of_a_plain_video_is_that_of_its_shards(saved: Path, stream: str) -> None:
    folder, items = make_dataset(saved)
    dataset = ClipDataset(folder, stream)  # type: ignore[arg-type]
    for item in items:
        frames = dict(prepare_frames(VideoStream(item.path), DECODE))
        footage = VideoFile(frames, len(frames), stream, FLOW)  # type: ignore[arg-type]
        stored, plain = (evaluation_clip(source, item.id, 8, 32).float() - 128 for source in (dataset, footage))
        assert stored.shape == plain.shape == (8, 32, 32, 3 if stream == "rgb" else 2)
        assert (stored - plain).abs().mean() < 0.2 * plain.abs().mean()


def test_one_network_of_a_method_predicts_by_itself(saved: Path) -> None:
    both = predict_video(load_classifier(saved / "method"), saved / "0.mp4")
    alone = [predict_video(load_classifier(saved / stream / "checkpoint.pt"), saved / "0.mp4") for stream in STREAMS]
    assert both == pytest.approx(sum(alone) / 2, abs=1e-6)


def test_videos_that_are_too_short_or_no_videos(saved: Path) -> None:
    classifier = load_classifier(saved / "rgb" / "checkpoint.pt")
    with pytest.raises(UserError, match=r"short\.mp4: 3 frames decode, at least 4 are needed"):
        predict_video(classifier, saved / "short.mp4")
    (saved / "text.mp4").write_text("x")
    with pytest.raises(UserError, match=r"text\.mp4: not a readable video"):
        predict_video(classifier, saved / "text.mp4")


def test_frames_that_no_network_looks_at_are_not_kept(saved: Path) -> None:
    classifier = load_classifier(saved / "method")
    still = np.random.default_rng(0).integers(0, 256, (60, 500, 3), np.uint8)
    peaks = []
    for count in (25, 25, 400):
        write_video(saved / "long.mp4", (still[:, number : number + 80] for number in range(count)), 25.0)
        tracemalloc.start()
        predict_video(classifier, saved / "long.mp4")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < peaks[1] + 100_000  # 400 frames of 53x40 pixels take 2.5 MB


def test_the_frames_of_a_long_video_are_those_of_all_its_frames(saved: Path) -> None:
    classifier = load_classifier(saved / "method")
    frames = dict(prepare_frames(VideoStream(saved / "1.mp4"), DECODE))
    few = needed_frames(classifier, len(frames))
    picked = dict(prepare_frames(VideoStream(saved / "1.mp4"), DECODE, few))
    assert set(picked) == few
    for member in classifier.members:
        one, other = (
            evaluation_clip(VideoFile(source, len(frames), member.settings.stream, FLOW), "1.mp4", 8, 32)
            for source in (frames, picked)
        )
        assert torch.equal(one, other)


def test_predict_goes_on_after_videos_that_fail(saved: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = saved / "damaged"
    folder.mkdir()
    (folder / "empty.mp4").touch()
    paths = [*write_damaged(folder, 12), folder / "empty.mp4", saved / "0.mp4"]
    assert main(["predict", str(saved / "rgb" / "checkpoint.pt"), *map(str, paths)]) == 1
    printed = capfd.readouterr()
    lines = printed.out.splitlines()
    assert [line.split(": ")[0] for line in lines] == [str(path) for path in paths]
    failed = [line.removesuffix(": not predicted") for line in lines if line.endswith(": not predicted")]
    assert str(folder / "empty.mp4") in failed
    assert lines[-1].startswith(f"{saved / '0.mp4'}: ")
    errors = [line for line in printed.err.splitlines() if "i2vadapt: error: " in line]
    assert [line.split(": ")[2] for line in errors] == failed
    assert "Traceback" not in printed.err


def test_whatever_exception_a_video_causes_the_others_are_predicted(
    saved: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(stream: VideoStream) -> int:
        if Path(stream.path).name == "1.mp4":
            raise MemoryError
        return sum(1 for _ in stream)

    monkeypatch.setattr(VideoStream, "count", fail)
    paths = [str(saved / f"{number}.mp4") for number in range(3)]
    assert main(["predict", str(saved / "rgb" / "checkpoint.pt"), *paths]) == 1
    printed = capfd.readouterr()
    assert [": not predicted" in line for line in printed.out.splitlines()] == [False, True, False]
    assert f"i2vadapt: error: {paths[1]}: cannot be predicted: not enough memory" in printed.err


def test_the_table_of_predictions(tmp_path: Path) -> None:
    def scores(values: list[list[float]]) -> Scores:
        tested = np.array([True, True, False])
        return Scores(
            ("a,b.mp4", "c.mp4", "d.mp4"), CLASSES, np.array([0, -1, 1]), tested, np.array(values, np.float32)
        )

    rgb, flow = scores([[0.7, 0.3], [0.4, 0.6], [1, 0]]), scores([[0.2, 0.8], [0.1, 0.9], [1, 0]])
    out = tmp_path / "predictions.csv"
    results = write_predictions(out, {"rgb": rgb, "flow": flow}, [1, 1])
    assert results == {
        f"{kind}_{name}": value
        for name, value in (("rgb", 1.0), ("flow", 0.0), ("fused", 0.0))
        for kind in ("accuracy", "class_accuracy")
    }
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

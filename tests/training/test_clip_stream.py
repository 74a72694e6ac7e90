"""An RGB run with CLIP's image tower in training, evaluation and prediction."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from tiny_clip import tiny_config
from tiny_data import CLASSES, TRAIN, make_flow_run, make_run, read_metrics, write_datasets

from i2vadapt.config.parsing import parse
from i2vadapt.config.recipes import pretrained, pseudo_labels
from i2vadapt.config.recipes.video import Settings
from i2vadapt.inference.classifier import load_classifier
from i2vadapt.inference.evaluate import evaluate
from i2vadapt.inference.method import fuse_runs
from i2vadapt.inference.scores import read_scores
from i2vadapt.layout import RunFolder
from i2vadapt.models.clip import ClipFrames
from i2vadapt.models.registry import build_network
from i2vadapt.models.stream_network import RunNetwork
from i2vadapt.training.loop import Trainer
from i2vadapt.training.optimizer import build_optimizer

CLIP = {"network": "clip_vit_b32", "clip": {"weights": None, "learning_rate": 0.002}}


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_clip, "get_model_config", tiny_config)


@pytest.mark.usefixtures("tiny")
def test_full_model_with_clip_trains_and_is_loaded_again(tmp_path: Path) -> None:
    write_datasets(tmp_path)
    trainer = Trainer(make_run(tmp_path, tmp_path / "rgb" / "seed5", **CLIP, epochs=2))
    network = trainer.model.network
    assert isinstance(network, ClipFrames)
    classifier = network.class_features.clone()
    tower = network.visual.conv1.weight.detach().clone()
    trainer.train()
    rows = read_metrics(tmp_path / "rgb" / "seed5")
    assert all(row[name] for row in rows for name in ("loss_video", "loss_local", "loss_pace", "accuracy"))
    assert torch.equal(network.class_features, classifier)
    assert not torch.equal(network.visual.conv1.weight, tower)
    Trainer(make_flow_run(tmp_path, tmp_path / "flow" / "seed5", tmp_path / "rgb" / "seed5", epochs=2)).train()
    assert [row["bank_used"] for row in read_metrics(tmp_path / "flow" / "seed5")] == ["0", "1"]
    fused = fuse_runs([tmp_path / "rgb" / "seed5", tmp_path / "flow" / "seed5"], "CLIP", tmp_path / "method")
    loaded = load_classifier(tmp_path / "method")
    results = evaluate(loaded, tmp_path / "target", tmp_path / "predictions.csv", 2, 0)
    assert results == pytest.approx(fused)
    shutil.rmtree(tmp_path)


@pytest.mark.usefixtures("tiny")
def test_the_image_tower_learns_the_colours_of_the_classes(tmp_path: Path) -> None:
    write_datasets(tmp_path, flow=False)
    Trainer(make_run(tmp_path, tmp_path / "run", **CLIP, pace=None, epochs=15, milestones=[0.9])).train()
    rows = read_metrics(tmp_path / "run")
    assert float(rows[-1]["loss_video"]) < 0.5 * float(rows[0]["loss_video"])
    assert rows[-1]["accuracy"] == "1"


@pytest.mark.usefixtures("tiny")
def test_clip_classifies_without_training_and_teaches_both_streams(tmp_path: Path) -> None:
    write_datasets(tmp_path)
    changes: dict[str, object] = {"crop": 32, "test_frames": 8, "clip_frames": 8, "precision": "float32", **CLIP}
    settings = parse(pretrained.Settings, changes, "test").relevant()
    zero_shot = replace(make_run(tmp_path, tmp_path / "zero_shot"), settings=settings)
    trainer = Trainer(zero_shot)
    before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    trainer.train()
    assert all(torch.equal(value, before[name]) for name, value in trainer.model.state_dict().items())
    (row,) = read_metrics(zero_shot.folder)
    assert row.keys() == {"epoch", "learning_rate", "accuracy", "class_accuracy"}
    scores = read_scores(RunFolder(zero_shot.folder).scores(1), CLASSES)
    results = evaluate(
        load_classifier(zero_shot.folder / "checkpoint.pt"), tmp_path / "target", tmp_path / "p.csv", 2, 0
    )
    assert f"{results['accuracy_rgb']:.6g}" == row["accuracy"]
    for stream in ("rgb", "flow"):
        teacher = {"run": "zero_shot", "select": "videos", "keep": 0.5}
        document = {**TRAIN, "stream": stream, "epochs": 2, "teacher": teacher}
        document = {key: value for key, value in document.items() if key in pseudo_labels.Settings.model_fields}
        student = parse(pseudo_labels.Settings, document, "test").relevant()
        parents = {"zero_shot": zero_shot.folder}
        run = replace(make_run(tmp_path, tmp_path / stream), settings=student, parents=parents)
        Trainer(run).train()
        rows = read_metrics(run.folder)
        assert [row["pseudo_labels"] for row in rows] == ["2", "2"]  # of four videos
        chosen = scores.confidence >= np.sort(scores.confidence)[2]
        right = (scores.predictions == scores.labels)[chosen].mean()
        assert float(rows[0]["pseudo_label_accuracy"]) == pytest.approx(right)
    shutil.rmtree(tmp_path)


@pytest.mark.usefixtures("tiny")
def test_clip_has_a_rate_of_its_own_that_drops_with_the_others() -> None:
    settings = parse(Settings, {"network": "clip_vit_b32", "epochs": 6}, "test")
    model = RunNetwork(build_network(settings, len(CLASSES)), pace_classes=5)
    optimizer, schedule = build_optimizer(model, settings)
    general, clip = optimizer.param_groups
    tower = {id(weight) for weight in model.get_submodule("network.visual").parameters()}
    assert {id(weight) for weight in clip["params"]} == tower
    assert {id(weight) for weight in model.get_submodule("pace_head").parameters()} == {
        id(weight) for weight in general["params"]
    }
    assert (general["lr"], clip["lr"]) == (0.05, 5e-5)
    for _ in range(3):
        optimizer.step()
        schedule.step()
    assert schedule.get_last_lr() == pytest.approx([0.005, 5e-6])


def test_frozen_weights_are_not_given_to_the_optimiser() -> None:
    settings = parse(Settings, {}, "test")
    model = RunNetwork(build_network(settings, len(CLASSES)))
    optimizer, _ = build_optimizer(model, settings)
    given = {id(weight) for group in optimizer.param_groups for weight in group["params"]}
    assert given == {id(weight) for weight in model.parameters() if weight.requires_grad}
    assert len(given) < len(list(model.parameters()))

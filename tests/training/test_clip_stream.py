"""The RGB stream with CLIP's image tower in training, evaluation and prediction."""

from __future__ import annotations

import shutil
from pathlib import Path

import open_clip
import pytest
import torch
from i2vadapt.inference.trained import evaluate, load_trained
from tiny_data import CLASSES, make_run, read_metrics, write_datasets
from torch import nn

from i2vadapt.config import TrainSettings
from i2vadapt.config.parsing import parse
from i2vadapt.models.clip import ClipFrames
from i2vadapt.training.loop import Trainer
from i2vadapt.training.optimizer import build_optimizer
from i2vadapt.training.run import build_model

CLIP = {"rgb_network": "clip_vit_b32", "clip": {"weights": None, "learning_rate": 0.002}}


def tiny_config(name: str) -> dict[str, object]:
    """In the place of open_clip's table of architectures."""
    vision = {"image_size": 64, "layers": 2, "width": 64, "head_width": 32, "patch_size": 32}
    text = {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1}
    return {"embed_dim": 32, "vision_cfg": vision, "text_cfg": text}


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_clip, "get_model_config", tiny_config)


@pytest.mark.usefixtures("tiny")
def test_full_model_with_clip_trains_and_is_loaded_again(tmp_path: Path) -> None:
    write_datasets(tmp_path)
    trainer = Trainer(make_run(tmp_path, tmp_path / "run", **CLIP, epochs=2))
    network = trainer.model.networks["rgb"]
    assert isinstance(network, ClipFrames)
    classifier = network.class_features.clone()
    tower = network.visual.conv1.weight.detach().clone()
    trainer.train()
    rows = read_metrics(tmp_path / "run")
    assert [row["bank_used"] for row in rows] == ["0", "1"]
    assert all(
        row[name] for row in rows for name in ("loss_video_rgb", "loss_local_rgb", "loss_video_flow", "loss_pace_rgb")
    )
    assert all(row["accuracy_rgb"] and row["accuracy_fused"] for row in rows)
    assert torch.equal(network.class_features, classifier)
    assert not torch.equal(network.visual.conv1.weight, tower)
    trained = load_trained(tmp_path / "run" / "checkpoint.pt")
    results = evaluate(trained, tmp_path / "target", tmp_path / "predictions.csv", 2, 0)
    assert results["accuracy_fused"] == pytest.approx(float(rows[-1]["accuracy_fused"]))
    shutil.rmtree(tmp_path / "run")


@pytest.mark.usefixtures("tiny")
def test_the_image_tower_learns_the_colours_of_the_classes(tmp_path: Path) -> None:
    write_datasets(tmp_path, flow=False)
    alone = {"streams": ["rgb"], "bank": None, "pace": None}
    Trainer(make_run(tmp_path, tmp_path / "run", **CLIP, **alone, epochs=15, milestones=[0.9])).train()
    rows = read_metrics(tmp_path / "run")
    assert float(rows[-1]["loss_video_rgb"]) < 0.5 * float(rows[0]["loss_video_rgb"])
    assert rows[-1]["accuracy_rgb"] == "1"


@pytest.mark.usefixtures("tiny")
def test_clip_has_a_rate_of_its_own_that_falls_with_the_others() -> None:
    settings = parse(TrainSettings, {"rgb_network": "clip_vit_b32", "epochs": 6}, "test")
    model = build_model(settings, len(CLASSES))
    optimizer, schedule = build_optimizer(model, settings)
    general, clip = optimizer.param_groups
    tower = {id(weight) for weight in model.get_submodule("networks.rgb.visual").parameters()}
    assert {id(weight) for weight in clip["params"]} == tower
    heads = {
        id(weight)
        for name in ("networks.flow.logits", "pace_heads")
        for weight in model.get_submodule(name).parameters()
    }
    assert heads <= {id(weight) for weight in general["params"]}
    assert (general["lr"], clip["lr"]) == (0.05, 5e-5)
    for _ in range(3):
        optimizer.step()
        schedule.step()
    assert schedule.get_last_lr() == pytest.approx([0.005, 5e-6])


def test_frozen_weights_are_not_given_to_the_optimiser() -> None:
    settings = parse(TrainSettings, {}, "test")
    model: nn.Module = build_model(settings, len(CLASSES))
    optimizer, _ = build_optimizer(model, settings)
    given = {id(weight) for group in optimizer.param_groups for weight in group["params"]}
    assert given == {id(weight) for weight in model.parameters() if weight.requires_grad}
    assert len(given) < len(list(model.parameters()))

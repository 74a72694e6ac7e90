"""Runs with torchvision's networks of clips in training, resumption, evaluation and prediction."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_data import make_flow_run, make_run, read_metrics
from torch import nn
from torchvision.models import get_model

from i2vadapt.inference.classifier import load_classifier
from i2vadapt.inference.evaluate import evaluate
from i2vadapt.inference.method import fuse_runs
from i2vadapt.models.torchvision_video import TorchvisionVideo
from i2vadapt.training.loop import Trainer
from i2vadapt.training.run import Run
from i2vadapt.weights import checkpoint

pytestmark = pytest.mark.usefixtures("quick_random_weights", "weights_are_removed")


class Killed(BaseException):
    """Simulates the end of the process: nothing in the package may catch it."""


def train(run: Run) -> tuple[list[dict[str, str]], dict[str, torch.Tensor]]:
    Trainer(run).train()
    return read_metrics(run.folder), checkpoint.load(run.folder / "checkpoint.pt")["model"]


def train_until_killed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ends a training in its second epoch, after one step."""
    real: Callable[..., Any] = Trainer._step
    calls = 0

    def step(*arguments: Any) -> int:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise Killed
        taken: int = real(*arguments)
        return taken

    trainer = Trainer(run)
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_step", step)
        with pytest.raises(Killed):
            trainer.train()


@pytest.mark.parametrize(
    "name", ["s3d", *(pytest.param(name, marks=pytest.mark.slow) for name in ("mvit_v2_s", "swin3d_t"))]
)
def test_full_model_trains_resumes_and_is_loaded_again(
    name: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = {"network": name, "epochs": 2, "batch_norm_momentum": 0.5, "torchvision": {"weights": None}}
    rows, weights = train(make_run(data, tmp_path / "rgb" / "seed5", **network))
    assert all(row[value] for row in rows for value in ("loss_video", "loss_local", "loss_pace", "accuracy"))
    again = make_run(data, tmp_path / "again" / "seed5", **network)
    train_until_killed(again, monkeypatch)
    torch.rand(7)  # a new process has another random state
    resumed_rows, resumed = train(again)
    assert resumed_rows == rows
    assert all(torch.equal(value, resumed[key]) for key, value in weights.items())
    flow_rows, _ = train(make_flow_run(data, tmp_path / "flow" / "seed5", tmp_path / "rgb" / "seed5", **network))
    assert [row["bank_used"] for row in flow_rows] == ["0", "1"]
    fused = fuse_runs([tmp_path / "rgb" / "seed5", tmp_path / "flow" / "seed5"], "Other", tmp_path / "method")
    loaded = load_classifier(tmp_path / "method")
    assert all(isinstance(member.model.network, TorchvisionVideo) for member in loaded.members)
    assert evaluate(loaded, data / "target", tmp_path / "predictions.csv", 2, 0) == pytest.approx(fused)


def test_batch_norm_of_a_flow_network_is_estimated_from_flow(data: Path, tmp_path: Path) -> None:
    torch.save(get_model("s3d", weights=None).state_dict(), tmp_path / "rgb.pth")
    settings = {"network": "s3d", "pace": None, "torchvision": {"weights": str(tmp_path / "rgb.pth")}}
    trainer = Trainer(make_run(data, tmp_path / "run", stream="flow", **settings))
    trainer.recipe.prepare()
    norms = [module for module in trainer.model.modules() if isinstance(module, nn.BatchNorm3d)]
    assert norms
    assert all(norm.running_mean.any() for norm in norms)
    assert {norm.momentum for norm in norms} == {0.01}


def test_a_transformer_has_no_statistics_to_estimate(data: Path, tmp_path: Path) -> None:
    torch.save(get_model("swin3d_t", weights=None).state_dict(), tmp_path / "rgb.pth")
    settings = {"network": "swin3d_t", "pace": None, "torchvision": {"weights": str(tmp_path / "rgb.pth")}}
    trainer = Trainer(make_run(data, tmp_path / "run", stream="flow", **settings))
    before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    trainer.recipe.prepare()
    assert all(torch.equal(value, before[name]) for name, value in trainer.model.state_dict().items())

"""A new loss or recipe needs changes in three files, after which it is trained like any other run.

Each test adds one to a copy of the package and trains with it from the command line, by its entry in methods.yaml.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_data import BANK, CLASSES, TRAIN, read_metrics

ROOT = Path(__file__).parents[2]

LOSS = '''
from i2vadapt.losses.transfer import TransferLoss

class Loss(TransferLoss):
    """Distance of the predictions for the target from certainty."""

    def forward(self, source, target, progress):
        return 1 - target.logits.softmax(1).amax(1).mean()
'''
SETTINGS = '''
from typing import Literal

from pydantic import Field

from i2vadapt.config.run import TrainingSettings

class Settings(TrainingSettings):
    """Cross-entropy with label smoothing as the only loss."""

    recipe: Literal["smooth"] = "smooth"
    smoothing: float = Field(0.1, ge=0, lt=1)
'''
RECIPE = '''
from torch.nn import functional as F

from i2vadapt.clips.batches import TARGET
from i2vadapt.clips.evaluation import EvaluationClips
from i2vadapt.recipes import base
from i2vadapt.recipes.base import LossPart

class Recipe(base.Recipe):
    """Trains on centre crops of the whole generated videos, with smoothed labels."""

    def batches(self, epoch, first):
        source = self.context.domains.source
        clips = EvaluationClips(source, self.settings.clip_frames, self.settings.crop)
        return self.context.loaders.training(clips, len(clips), self.steps, (epoch, TARGET), first)

    def loss_parts(self, batch, progress):
        labels = [self.context.domains.source.items[number].label for number in batch["index"].tolist()]
        logits = self.run_network(batch).video_logits
        loss = F.cross_entropy(logits, logits.new_tensor(labels).long(), label_smoothing=self.settings.smoothing)
        yield LossPart({"loss_smooth": loss}, batch, len(labels))
'''
TRAIN_IT = """
import sys
from pathlib import Path

from i2vadapt.cli import main
from i2vadapt.config.methods import load_methods, resolve_run

run, workflow, data, out, shared, classes = sys.argv[1], *map(Path, sys.argv[2:5]), eval(sys.argv[5]), sys.argv[6:]
settings = resolve_run(run, load_methods(workflow / "methods.yaml"), [shared], {}, "default", "test")
sides = ["--source", str(data / "source"), "--target", str(data / "target"), "--classes", *classes]
sys.exit(main(["train", *sides, "--settings", settings.model_dump_json(), "--out", str(out), "--workers", "0"]))
"""


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))


def contents(root: Path) -> dict[Path, bytes]:
    return {
        path.relative_to(root): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and path.suffix in (".py", ".yaml", ".smk")
    }


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in ("src", "workflow"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    return tmp_path


def train(copy: Path, data: Path, run: str) -> list[dict[str, str]]:
    shared = repr({**TRAIN, "bank": BANK, "epochs": 1})
    command = [sys.executable, "-c", TRAIN_IT, run, copy / "workflow", data, copy / "run", shared, *CLASSES]
    environment = {**os.environ, "PYTHONPATH": str(copy / "src")}
    done = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return read_metrics(copy / "run")


def test_a_new_loss_is_three_files(copy: Path, data: Path) -> None:
    before = contents(copy)
    (copy / "src/i2vadapt/losses/doubt.py").write_text(LOSS)
    edit(copy / "src/i2vadapt/config/transfer.py", '"fbnm"]', '"fbnm", "doubt"]')
    edit(
        copy / "workflow/methods.yaml",
        "runs:\n",
        "runs:\n  rgb_doubt: { stream: rgb, pace: null, transfer: { loss: doubt } }\n",
    )
    after = contents(copy)
    assert sum(before.get(path) != content for path, content in after.items()) == 3  # and its test: 4
    rows = train(copy, data, "rgb_doubt")
    assert float(rows[0]["loss_transfer"]) > 0


def test_a_new_recipe_is_three_files(copy: Path, data: Path) -> None:
    before = contents(copy)
    (copy / "src/i2vadapt/recipes/smooth.py").write_text(RECIPE)
    (copy / "src/i2vadapt/config/recipes/smooth.py").write_text(SETTINGS)
    edit(copy / "workflow/methods.yaml", "runs:\n", "runs:\n  smooth: { recipe: smooth, smoothing: 0.2 }\n")
    after = contents(copy)
    assert sum(before.get(path) != content for path, content in after.items()) == 3  # and its test: 4
    rows = train(copy, data, "smooth")
    assert rows[0]["loss_smooth"] == rows[0]["loss"]
    assert rows[0]["accuracy"]

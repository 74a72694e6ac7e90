"""Every row of the tables trains and scores, on tiny data."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from i2vadapt.inference.trained import evaluate, load_trained
from tiny_data import CLASSES, FRAMES, TRAIN, make_run, read_metrics

from i2vadapt.clips.dataset import PACED, DomainClips, Window
from i2vadapt.clips.sampling import draw_pace, pace_indices, uniform_indices
from i2vadapt.clips.target import PacedClips
from i2vadapt.config import TrainSettings
from i2vadapt.config.parsing import parse, read_yaml
from i2vadapt.config.settings import PRESETS, merge
from i2vadapt.data.items import read_items, write_items
from i2vadapt.data.shards.codec import encode_jpeg
from i2vadapt.errors import UserError
from i2vadapt.training.loop import Trainer

METHODS = read_yaml(Path(__file__).parents[2] / "workflow" / "methods.yaml")
MORE = {
    "pace told from both streams": {"bank": None, "pace": {"streams": ["rgb", "flow"]}},
    "MK-MMD of features": {"bank": None, "pace": None, "transfer": {"loss": "dan", "inputs": "features"}},
}
TRAINED_ELSEWHERE = {"so_rgb", "full", "clip_so_rgb", "clip_full", "so_img"}  # test_loop.py, test_clip_stream.py, below


@pytest.mark.parametrize("name", [*sorted(METHODS.keys() - TRAINED_ELSEWHERE), *MORE])
def test_every_row_of_the_tables_trains(data: Path, folder: Path, name: str) -> None:
    """Two epochs, the second with the bank; then the checkpoint is read back and scores the target."""
    run = make_run(data, folder, **merge(TRAIN, {"epochs": 2}, (METHODS | MORE)[name]))
    Trainer(run).train()
    rows, settings = read_metrics(folder), run.settings
    losses = {column for column in rows[1] if column.startswith("loss_") and rows[1][column]}
    expected = {f"loss_video_{stream}" for stream in settings.streams} | {"loss_local_rgb"}
    if settings.pace is not None:
        expected |= {f"loss_pace_{stream}" for stream in settings.pace.streams}
    if settings.transfer.loss != "none":
        expected |= {f"loss_transfer_{stream}" for stream in settings.streams}
    assert losses == expected
    if settings.bank is not None:
        assert [row["bank_used"] for row in rows] == ["0", "1"]
        assert sum(int(rows[0][f"bank_fill_{label}"]) for label in CLASSES) == int(rows[0]["bank_flows"]) > 0
    results = evaluate(load_trained(folder / "checkpoint.pt"), data / "target", folder / "predictions.csv", 2, 0)
    assert f"{results['accuracy_fused']:.6g}" == rows[1]["accuracy_fused"]


def test_the_released_reading_trains(data: Path, folder: Path) -> None:
    run = make_run(data, folder, **merge(TRAIN, PRESETS["released"]["train"], {"epochs": 3}))
    Trainer(run).train()
    rows = read_metrics(folder)
    assert [row["bank_used"] for row in rows] == ["0", "0", "1"]
    losses = ["loss_video_rgb", "loss_local_rgb", "loss_video_flow", "loss_local_flow", "loss_pace_rgb"]
    assert [name for name in rows[0] if name.startswith("loss_")] == losses


def test_every_element_of_the_gradient_is_clipped(data: Path, folder: Path) -> None:
    """With a rate of 1 and nothing else, one step moves each weight by its clipped gradient."""
    changes = {"clip_gradient": 1e-3, "learning_rate": 1.0, "momentum": 0.0, "weight_decay": 0.0, "epochs": 1}
    run = make_run(data, folder, streams=["rgb"], bank=None, pace=None, batch_size=4, **changes)
    trainer = Trainer(run)
    before = trainer.model.network("rgb").logits.conv3d.weight.detach().clone()
    trainer.train()
    moved = (trainer.model.network("rgb").logits.conv3d.weight.detach() - before).abs()
    assert moved.max().item() == pytest.approx(1e-3, rel=1e-3)
    assert moved.min() < 9e-4


def test_the_lower_bound_learns_from_the_photographs_themselves(data: Path, tmp_path: Path) -> None:
    """The photographs are red or green; the generated videos of this dataset are not read for them."""
    root, rng = tmp_path / "data", np.random.default_rng(0)
    shutil.copytree(data, root)
    items = read_items(root / "source" / "manifest.csv")
    for item in items:
        picture = rng.integers(0, 100, (60, 90, 3), np.uint8)
        picture[..., item.label] += 150
        (root / item.id.replace("/", "-")).write_bytes(encode_jpeg(picture, 95))
    write_items(
        root / "source" / "manifest.csv", [replace(item, path=str(root / item.id.replace("/", "-"))) for item in items]
    )
    row = {**METHODS["so_img"], "learning_rate": 0.01}
    run = make_run(root, tmp_path / "run", **merge(TRAIN, row, {"epochs": 6, "milestones": [1.0], "batch_size": 4}))
    trainer = Trainer(run)
    sample = next(iter(trainer.loaders.source(0, None)))
    assert sample["rgb"].shape == (4, 1, 32, 32, 3)
    assert sample["rgb"].float().mean(dim=(1, 2, 3)).argmax(dim=1).tolist() == sample["label"].tolist()
    trainer.train()
    rows = read_metrics(tmp_path / "run")
    assert float(rows[-1]["loss_video_rgb"]) < float(rows[0]["loss_video_rgb"])
    results = evaluate(load_trained(tmp_path / "run" / "checkpoint.pt"), root / "target", tmp_path / "out.csv", 2, 0)
    assert results["accuracy_rgb"] == float(rows[-1]["accuracy_rgb"])
    shutil.rmtree(tmp_path)


def test_a_killed_run_with_similarities_goes_on_to_the_same_numbers(
    data: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = {"bank": {"warmup_epochs": 1, "capacity": 2, "strategy": "simw_sum_top5"}, "pace": None, "epochs": 2}
    Trainer(make_run(data, folder / "whole", **changes)).train()
    real = Trainer._save

    def save_and_die(self: Trainer) -> None:
        real(self)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_save", save_and_die)
        with pytest.raises(KeyboardInterrupt):
            Trainer(make_run(data, folder / "parts", **changes)).train()
    Trainer(make_run(data, folder / "parts", **changes)).train()
    assert read_metrics(folder / "parts") == read_metrics(folder / "whole")


@pytest.mark.parametrize("flow", ["native", "matched"])
@pytest.mark.parametrize("crops", ["shared", "separate"])
def test_paced_flow_is_native_or_matched(data: Path, flow: str, crops: str) -> None:
    target = DomainClips(data / "target", ("rgb", "flow"))
    settings = make_run(data, data, pace={"flow": flow, "streams": ["rgb", "flow"]}, crops=crops).settings
    clips = PacedClips(target, settings, (5, 0))
    for index, item in enumerate(target.items):
        rng = np.random.default_rng([5, 0, PACED, index])
        start, rate = draw_pace(rng, FRAMES, 5)
        window = Window.draw(rng)
        paced, whole = pace_indices(FRAMES, start, rate, 8), uniform_indices(FRAMES, 8)
        sample = clips[index]
        assert int(sample["pace"]) == rate
        assert torch.equal(sample["rgb"], target.rgb_clip(item.id, paced, window, settings.crop))
        window = window if crops == "shared" else Window.draw(rng)
        indices = paced if flow == "matched" else whole
        assert torch.equal(sample["flow"], target.flow_clip(item.id, indices, window, settings.crop))


@pytest.mark.parametrize("other_streams", ["skip", "statistics"])
def test_streams_without_a_pace_head_may_see_the_target_for_their_statistics(
    data: Path, folder: Path, other_streams: str
) -> None:
    """Photographs' flow moves down and that of videos up; only running statistics may tell that it was seen."""
    states = {}
    for pace in (None, {"other_streams": other_streams}):
        run = make_run(data, folder / str(pace is None), pace=pace, bank=None, epochs=1, dropout=0.0)
        trainer = Trainer(run)
        trainer.train()
        states[pace is None] = trainer.model.network("flow").state_dict()
    statistics = [name for name in states[True] if name.endswith("running_mean")]
    changed = any(not torch.equal(states[True][name], states[False][name]) for name in statistics)
    assert changed == (other_streams == "statistics")
    assert all(torch.equal(value, states[False][name]) for name, value in states[True].items() if "conv3d" in name)


def test_the_domain_classifier_learns_while_its_reversed_gradient_is_weak(data: Path, folder: Path) -> None:
    transfer = {"loss": "dann", "inputs": "features", "weight": 1.0, "streams": ["rgb"]}
    trainer = Trainer(make_run(data, folder, streams=["rgb"], bank=None, pace=None, transfer=transfer, epochs=1))
    before = {name: value.clone() for name, value in trainer.model.domain_heads.state_dict().items()}
    trainer.train()
    after = trainer.model.domain_heads.state_dict()
    assert before.keys() == {f"rgb.layers.{layer}.{kind}" for layer in (0, 3, 6) for kind in ("weight", "bias")}
    assert all(not torch.equal(value, after[name]) for name, value in before.items())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"transfer": {"loss": "bnm", "inputs": "features"}}, "inputs must be logits with loss bnm"),
        ({"streams": ["flow"], "pace": None, "bank": {"strategy": "simw_top1"}}, "streams must have rgb"),
        ({"source_clips": "photographs", "rgb_network": "resnet18", "bank": None}, "source_clips photographs needs"),
        ({"streams": ["flow"]}, "pace must be null when streams has none of pace.streams, rgb"),
        (
            {"streams": ["rgb"], "bank": None, "transfer": {"loss": "dan", "streams": ["flow"]}},
            "transfer.loss must be none",
        ),
    ],
)
def test_settings_that_do_not_fit_together(changes: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse(TrainSettings, changes, "test")

"""Every run of workflow/methods.yaml trains on tiny data, and every method is fused from its runs."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_data import BANK, CLASSES, FRAMES, TRAIN, make_flow_run, make_run, read_metrics

from i2vadapt.clips.batches import PACED
from i2vadapt.clips.dataset import ClipDataset
from i2vadapt.clips.sampling import draw_pace, pace_indices, uniform_indices
from i2vadapt.clips.target import PacedClips
from i2vadapt.clips.window import Window
from i2vadapt.config.estimator import EstimatorSettings
from i2vadapt.config.methods import load_methods, needed_runs, resolve_run
from i2vadapt.config.networks import FRAME_NETWORKS
from i2vadapt.config.parsing import parse, read_yaml
from i2vadapt.config.recipes import frames, pretrained, settings_class
from i2vadapt.config.recipes.video import Settings
from i2vadapt.config.run import RunSettings
from i2vadapt.config.settings import PRESETS, merge
from i2vadapt.errors import UserError
from i2vadapt.inference.features import compute_features, write_features
from i2vadapt.inference.method import fuse_runs
from i2vadapt.inference.scores import read_scores
from i2vadapt.layout import RunFolder
from i2vadapt.training.estimation import run_estimator
from i2vadapt.training.loop import Trainer

TABLE = load_methods(Path(__file__).parents[2] / "workflow" / "methods.yaml")
SHARED = {**TRAIN, "epochs": 2, "bank": BANK, "transfer": {"weight": 0.3}}
SHORT: dict[str, dict[str, object]] = {
    **{recipe: {"epochs": 2} for recipe in ("frames", "pseudo_labels")},
    **{recipe: {"generator_steps": 2} for recipe in ("higan", "symgan")},
    "meda": {"dimensions": 2, "neighbours": 2},
}


def settings_of(name: str) -> RunSettings:
    """Settings of a run on the tiny data: two epochs, and the bank, or labels by prototypes, in use in the second."""
    own: dict[str, object] = {}
    recipe = TABLE.runs[name].get("recipe", "video")
    if recipe in SHORT:
        own |= SHORT[recipe]
    if TABLE.runs[name].get("prototypes") is not None:
        own |= {"epochs": 2, "prototypes": {"from_epoch": 1}}
    return resolve_run(name, TABLE, [SHARED], own, "default", "test")


RUNS = needed_runs(TABLE.methods, list(TABLE.runs), settings_of)
# CLIP: test_clip_stream.py; torchvision's networks: tests/models
TRAINED = [name for name in RUNS if not name.startswith(("clip_", "mvit_"))]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Folder of all runs, which the tests below fill in order."""
    root = tmp_path_factory.mktemp("runs")
    yield root
    shutil.rmtree(root)


@pytest.mark.parametrize("name", TRAINED)
def test_every_run_trains(data_with_photographs: Path, runs: Path, name: str) -> None:
    """Each run is trained after the runs that it reads from."""
    settings = RUNS[name]
    run = replace(make_run(data_with_photographs, runs / name / "seed5"), settings=settings)
    if isinstance(settings, EstimatorSettings):
        features = {parent: features_of(runs / parent / "seed5", data_with_photographs) for parent in settings.parents}
        run_estimator(replace(run, features=features))
        (row,) = read_metrics(run.folder)
        assert row["accuracy"]
        return
    Trainer(replace(run, parents={parent: runs / parent / "seed5" for parent in settings.parents})).train()
    rows = read_metrics(run.folder)
    losses = {column for column in rows[-1] if column.startswith("loss_") and rows[-1][column]}
    assert losses == losses_of(settings)
    if isinstance(settings, Settings) and settings.bank is not None:
        assert [row["bank_used"] for row in rows] == ["0", "1"]
        assert sum(int(rows[0][f"bank_fill_{label}"]) for label in CLASSES) == int(rows[0]["bank_flows"]) > 0
    assert bool(settings.teachers) == ("pseudo_labels" in rows[-1]) or name == "st_i2v"
    scores = read_scores(RunFolder(run.folder).scores(settings.epochs))
    assert set(scores.features) == ({"source", "target"} if name in ("rgb_features", "st_i2v") else set())
    assert (scores.frame_probabilities is not None) == name.startswith(
        ("image", "cycda1_image", "cycda2_i", "cycda3_i")
    )


def losses_of(settings: RunSettings) -> set[str]:
    """Names of the loss terms that a run should have."""
    if isinstance(settings, pretrained.Settings):
        return set()
    expected = {"loss_video"}
    if isinstance(settings, frames.Settings):
        expected |= {"loss_contrast"} if settings.contrast is not None else set()
        expected |= {"loss_transfer"} if settings.transfer.loss != "none" else set()
    if isinstance(settings, Settings):
        expected |= {"loss_local"} if settings.stream == "rgb" else set()
        expected |= {"loss_pace"} if settings.pace is not None and settings.stream == "rgb" else set()
        expected |= {"loss_transfer"} if settings.transfer.loss != "none" else set()
        expected |= {"loss_prototypes"} if settings.prototypes is not None else set()
    return expected


def features_of(run: Path, data: Path) -> Path:
    """File of the features of a trained run, made as the workflow's rule makes it."""
    network = read_yaml(run / "settings.yaml")["train"]["network"]
    source = data / "source" if network in FRAME_NETWORKS else None
    out = run / "features.h5"
    write_features(out, compute_features(run / "checkpoint.pt", source, data / "target", 4, 0))
    return out


@pytest.mark.parametrize(
    "name", [name for name in TABLE.methods if not name.startswith(("clip_", "mvit_", "full_mvit"))]
)
def test_every_method_is_the_fusion_of_its_runs(runs: Path, tmp_path: Path, name: str) -> None:
    method = TABLE.methods[name]
    folders = [runs / run / "seed5" for run in method.fuse]
    results = fuse_runs(folders, method.title, tmp_path)
    for run, folder in zip(method.fuse, folders, strict=True):
        assert f"{results[f'accuracy_{RUNS[run].stream}']:.6g}" == read_metrics(folder)[-1]["accuracy"]
    with (tmp_path / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    right = np.mean([row["class"] == row["predicted"] for row in rows])
    assert results["accuracy_fused"] == pytest.approx(right)
    scores = [
        read_scores(RunFolder(folder).scores(RUNS[run].epochs))
        for run, folder in zip(method.fuse, folders, strict=True)
    ]
    total = {item: sum(part.probabilities[part.ids.index(item)] for part in scores) for item in scores[0].ids}
    for row in rows:
        assert float(row["score_walk"]) == pytest.approx(total[row["id"]][0], abs=1e-5)


def test_preset_released_trains(data: Path, folder: Path) -> None:
    changes = merge(TRAIN, PRESETS["released"]["train"], {"epochs": 3})
    Trainer(make_run(data, folder / "rgb", **changes)).train()
    bank = {**changes["bank"], **BANK, "partner": "rgb"}
    Trainer(make_flow_run(data, folder / "flow", folder / "rgb", **{**changes, "bank": bank})).train()
    rgb, flow = read_metrics(folder / "rgb"), read_metrics(folder / "flow")
    assert [row["bank_used"] for row in flow] == ["0", "0", "1"]
    assert [name for name in rgb[0] if name.startswith("loss_")] == ["loss_video", "loss_local", "loss_pace"]
    assert [name for name in flow[0] if name.startswith("loss_")] == ["loss_video", "loss_local"]


def test_every_element_of_the_gradient_is_clipped(data: Path, folder: Path) -> None:
    """With a learning rate of 1 and no momentum or decay, one step moves each weight by its clipped gradient."""
    changes = {"clip_gradient": 1e-3, "learning_rate": 1.0, "momentum": 0.0, "weight_decay": 0.0, "epochs": 1}
    trainer = Trainer(make_run(data, folder, pace=None, batch_size=4, **changes))
    head = trainer.model.get_submodule("network.logits.conv3d").weight
    before = head.detach().clone()
    trainer.train()
    moved = (head.detach() - before).abs()
    assert moved.max().item() == pytest.approx(1e-3, rel=1e-3)
    assert moved.min() < 9e-4


def test_the_lower_bound_learns_from_the_photographs_themselves(data_with_photographs: Path, folder: Path) -> None:
    document = merge(TRAIN, TABLE.runs["image"], {"learning_rate": 0.01, "epochs": 6, "batch_size": 4})
    settings = settings_class(document, "test")
    taken = {key: value for key, value in document.items() if key in settings.model_fields}
    run = make_run(data_with_photographs, folder)
    trainer = Trainer(replace(run, settings=parse(settings, {**taken, "milestones": [1.0]}, "test")))
    sample, frames_of_target = next(iter(trainer.recipe.batches(0, 0)))
    assert frames_of_target is None
    assert sample["clip"].shape == (4, 1, 32, 32, 3)
    assert sample["clip"].float().mean(dim=(1, 2, 3)).argmax(dim=1).tolist() == sample["label"].tolist()
    trainer.train()
    rows = read_metrics(folder)
    assert float(rows[-1]["loss_video"]) < float(rows[0]["loss_video"])


@pytest.mark.parametrize("flow", ["native", "matched"])
@pytest.mark.parametrize("crops", ["shared", "separate"])
def test_paced_flow_is_native_or_matched(data: Path, flow: str, crops: str) -> None:
    pace = {"flow": flow, "streams": ["rgb", "flow"]}
    for stream in ("rgb", "flow"):
        target = ClipDataset(data / "target", stream)  # type: ignore[arg-type]
        settings = parse(Settings, {**TRAIN, "stream": stream, "pace": pace, "crops": crops}, "test")
        assert settings.pace is not None
        clips = PacedClips(target, settings, settings.pace, (5, 0))
        for index, item in enumerate(target.items):
            rng = np.random.default_rng([5, 0, PACED, index])
            start, rate = draw_pace(rng, FRAMES, 5)
            window = Window.draw(rng)
            indices = pace_indices(FRAMES, start, rate, 8)
            if stream == "flow":
                window = window if crops == "shared" else Window.draw(rng)
                indices = indices if flow == "matched" else uniform_indices(FRAMES, 8)
            sample = clips[index]
            assert int(sample["pace"]) == rate
            assert torch.equal(sample["clip"], target.clip(item.id, indices, window, settings.crop))


@pytest.mark.parametrize("other_streams", ["skip", "statistics"])
def test_a_flow_run_may_see_paced_clips_for_its_statistics(data: Path, folder: Path, other_streams: str) -> None:
    """Photographs' flow moves down and that of videos up; only running statistics may show that it was seen."""
    states = {}
    for pace in (None, {"other_streams": other_streams}):
        trainer = Trainer(make_run(data, folder / str(pace is None), stream="flow", pace=pace, epochs=1, dropout=0.0))
        trainer.train()
        states[pace is None] = trainer.model.network.state_dict()
    statistics = [name for name in states[True] if name.endswith("running_mean")]
    changed = any(not torch.equal(states[True][name], states[False][name]) for name in statistics)
    assert changed == (other_streams == "statistics")
    assert all(torch.equal(value, states[False][name]) for name, value in states[True].items() if "conv3d" in name)


def test_the_domain_classifier_learns_while_its_reversed_gradient_is_weak(data: Path, folder: Path) -> None:
    transfer = {"loss": "dann", "inputs": "features", "weight": 1.0}
    trainer = Trainer(make_run(data, folder, pace=None, transfer=transfer, epochs=1))
    loss = trainer.model.get_submodule("transfer_loss")
    before = {name: value.clone() for name, value in loss.state_dict().items()}
    trainer.train()
    after = loss.state_dict()
    assert before.keys() == {f"classifier.layers.{layer}.{kind}" for layer in (0, 3, 6) for kind in ("weight", "bias")}
    assert all(not torch.equal(value, after[name]) for name, value in before.items())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"transfer": {"loss": "bnm", "inputs": "features"}}, "inputs must be logits with loss bnm"),
        ({"stream": "flow", "bank": {"strategy": "simw_top1"}}, "bank.partner must name an RGB run"),
        ({"recipe": "frames", "network": "i3d"}, "recipe frames needs a network of single frames"),
        ({"stream": "flow", "network": "resnet18"}, "looks at RGB frames"),
        ({"recipe": "frame"}, "recipe: must be one of frames, higan, .*, not 'frame'"),
    ],
)
def test_invalid_settings_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse(settings_class(changes, "test"), changes, "test")

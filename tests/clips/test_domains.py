"""Protocols and supervision: the data that a run learns from, adapts to and is tested on."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_data import make_flow_run, make_items, make_run, read_metrics, write_datasets, write_flow, write_frames

from i2vadapt.clips.domains import open_domains
from i2vadapt.config.parsing import parse
from i2vadapt.config.recipes.video import Settings
from i2vadapt.data.items import UNLABELLED, Item, write_items
from i2vadapt.errors import UserError
from i2vadapt.inference.classifier import load_classifier
from i2vadapt.inference.evaluate import evaluate
from i2vadapt.inference.method import fuse_runs
from i2vadapt.inference.scores import read_scores
from i2vadapt.layout import RunFolder
from i2vadapt.training.loop import Trainer

TRAIN_IDS = ["run/0.mp4", "walk/0.mp4", "walk/1.mp4"]
TEST_IDS = ["run/1.mp4"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("domains")
    write_datasets(root)
    for name, ids in (("train.txt", TRAIN_IDS), ("test.txt", TEST_IDS)):
        (root / name).write_text("".join(f"{item_id}\n" for item_id in ids))
    yield root
    shutil.rmtree(root)


def split(data: Path) -> dict[str, object]:
    lists = {"train": [str(data / "train.txt")], "test": [str(data / "test.txt")]}
    return {"protocol": "split1", "split1": lists}


def ids(items: list[Item]) -> list[str]:
    return sorted(item.id for item in items)


def test_a_transductive_run_adapts_to_the_videos_on_which_it_is_tested(data: Path) -> None:
    run = make_run(data, data)
    domains = open_domains(run.source, run.target, run.settings, run.classes)
    assert domains.target is domains.videos
    assert domains.tested == {item.id for item in domains.videos.items}
    assert len(domains.videos.items) == len(domains.source.items) == 4


def test_a_split1_run_is_tested_on_videos_to_which_it_did_not_adapt(data: Path, tmp_path: Path) -> None:
    """All videos are scored, since the bank needs the training videos; the accuracy is that of the test videos."""
    rgb, flow = tmp_path / "rgb" / "seed5", tmp_path / "flow" / "seed5"
    Trainer(make_run(data, rgb, **split(data), epochs=2)).train()
    trainer = Trainer(make_flow_run(data, flow, rgb, **split(data), epochs=2))
    assert ids(trainer.domains.target.items) == TRAIN_IDS
    assert ids(trainer.domains.videos.items) == sorted([*TRAIN_IDS, *TEST_IDS])
    assert trainer.domains.tested == set(TEST_IDS)
    trainer.train()
    rows = read_metrics(flow)
    assert int(rows[0]["bank_flows"]) <= len(TRAIN_IDS)
    thirds = 3 * float(rows[0]["pseudo_label_accuracy"])  # the run adapts to three videos
    assert thirds == pytest.approx(round(thirds), abs=1e-4)
    fused = fuse_runs([rgb, flow], "CFB", tmp_path / "method")
    assert fused["accuracy_flow"] == float(rows[1]["accuracy"])
    with (tmp_path / "method" / "predictions.csv").open() as file:
        assert [row["id"] for row in csv.DictReader(file)] == TEST_IDS
    out = tmp_path / "predictions.csv"
    assert evaluate(load_classifier(tmp_path / "method"), data / "target", out, 2, 0) == pytest.approx(fused)
    with out.open() as file:
        assert [row["id"] for row in csv.DictReader(file)] == TEST_IDS
    shutil.rmtree(tmp_path)


def swapped(data: Path, folder: Path, names: dict[str, str] | None = None) -> Path:
    """A copy of the data whose manifests number the classes in the other order, and may call them by other names."""
    for side in ("source", "target"):
        shutil.copytree(data / side, folder / side)
        items = [
            replace(item, label=1 - item.label, class_name=(names or {}).get(item.class_name, item.class_name))
            for item in make_items(".jpg" if side == "source" else ".mp4")
        ]
        write_items(folder / side / "manifest.csv", items)
    return folder


def test_classes_are_compared_by_name_and_not_by_their_numbers(data: Path, tmp_path: Path) -> None:
    """A manifest with the classes in another order gives the same training, to the bit, and the same accuracies."""
    other = swapped(data, tmp_path / "other")
    scores, values = [], []
    for root in (data, other):
        folder = tmp_path / f"run of {root.name}"
        Trainer(make_run(root, folder, epochs=1)).train()
        scores.append(read_scores(RunFolder(folder).scores(1)))
        values.append(evaluate(load_classifier(folder / "checkpoint.pt"), data / "target", tmp_path / "p.csv", 2, 0))
        values.append(evaluate(load_classifier(folder / "checkpoint.pt"), other / "target", tmp_path / "q.csv", 2, 0))
    assert values[0] == values[1] == values[2] == values[3]
    assert (tmp_path / "p.csv").read_bytes() == (tmp_path / "q.csv").read_bytes()
    np.testing.assert_array_equal(scores[0].probabilities, scores[1].probabilities)
    np.testing.assert_array_equal(scores[0].labels, scores[1].labels)
    shutil.rmtree(tmp_path)


@pytest.mark.parametrize(
    ("classes", "names", "message"),
    [
        (("walk",), {}, "source/manifest.csv: run/0.jpg is of class 'run', which is none of the classes wanted: walk"),
        (("walk", "Run"), {}, "none of the classes wanted: walk, Run ('Run' is written differently)"),
        (("walk", "run"), {"run": "jump"}, "is of class 'jump', which is none of the classes wanted: walk, run"),
    ],
)
def test_a_training_on_other_classes_than_those_of_the_manifests(
    data: Path, tmp_path: Path, classes: tuple[str, ...], names: dict[str, str], message: str
) -> None:
    run = make_run(swapped(data, tmp_path, names), tmp_path / "run")
    (tmp_path / "target" / "manifest.csv").write_bytes((data / "target" / "manifest.csv").read_bytes())
    target = tmp_path / "target" if len(classes) > 1 else tmp_path / "source"  # the target is looked at first
    with pytest.raises(UserError) as caught:
        open_domains(run.source, target, run.settings, classes)
    assert message in str(caught.value)


def test_a_class_without_anything_to_learn_is_told(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    run = make_run(data, data)
    with caplog.at_level("WARNING"):
        open_domains(run.source, run.target, run.settings, ("walk", "sit", "run"))
    assert caplog.messages == [
        f"{data}/source/manifest.csv: has no item of class sit, which can therefore not be learned; its classes are"
        " walk, run"
    ]


def test_an_evaluation_on_classes_that_the_network_does_not_know(data: Path, tmp_path: Path) -> None:
    Trainer(make_run(data, tmp_path / "run", epochs=1)).train()
    other = swapped(data, tmp_path / "other", {"run": "jump"})
    with pytest.raises(UserError, match="is of class 'jump', which is none of the classes wanted: walk, run"):
        evaluate(load_classifier(tmp_path / "run" / "checkpoint.pt"), other / "target", tmp_path / "p.csv", 2, 0)
    shutil.rmtree(tmp_path)


def test_accuracies_are_those_of_the_labelled_videos(
    data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One of four videos has a label; training is the same as with all labels, to the bit."""
    root = tmp_path / "data"
    shutil.copytree(data, root)
    items = [
        item if item.id == "walk/0.mp4" else replace(item, class_name="", label=UNLABELLED)
        for item in make_items(".mp4")
    ]
    write_items(root / "target" / "manifest.csv", items)
    found = []
    for place in (data, root):
        rgb, flow = (tmp_path / place.name / name / "seed5" for name in ("rgb", "flow"))
        Trainer(make_run(place, rgb, epochs=2)).train()
        Trainer(make_flow_run(place, flow, rgb, epochs=2)).train()
        found.append(read_scores(RunFolder(flow).scores(2)))
    np.testing.assert_array_equal(found[0].probabilities, found[1].probabilities)
    row = read_metrics(flow)[-1]
    right = float(found[1].predictions[found[1].ids.index("walk/0.mp4")] == 0)
    assert (float(row["accuracy"]), float(row["class_accuracy"]), float(row["labelled_videos"])) == (right, right, 1)
    assert float(read_metrics(flow)[0]["pseudo_label_accuracy"]) in (0, 1)
    with caplog.at_level("INFO"):
        fuse_runs([rgb, flow], "CFB", tmp_path / "method")
    assert "accuracy over the 1 of 4 videos that have a label" in caplog.messages
    shutil.rmtree(tmp_path)


def test_supervision_by_the_target_learns_its_labels_and_needs_no_source(data: Path, tmp_path: Path) -> None:
    changes = {**split(data), "supervision": "target", "bank": None, "pace": None}
    run = make_run(data, tmp_path / "run", **changes)
    domains = open_domains(tmp_path / "nowhere", run.target, run.settings, run.classes)
    assert ids(domains.source.items) == TRAIN_IDS
    assert domains.tested == set(TEST_IDS)
    unlabelled = tmp_path / "unlabelled"
    write_frames(unlabelled / "target", make_items(".mp4", labelled=False), seed=1)
    write_flow(unlabelled / "target", -4.0)
    with pytest.raises(UserError, match="no training video has one"):
        open_domains(tmp_path, unlabelled / "target", run.settings, run.classes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bank": None, "pace": None}, "needs protocol split1"),
        ({"protocol": "split1"}, "excludes adaptation: set bank, pace and prototypes null"),
    ],
)
def test_an_upper_bound_that_would_not_be_one(changes: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse(Settings, {"supervision": "target", **changes}, "test")

"""Protocols and supervision: the data that a run learns from, adapts to and is tested on."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny_data import make_flow_run, make_items, make_run, read_metrics, write_datasets, write_flow, write_frames

from i2vadapt.clips.domains import open_domains
from i2vadapt.config.parsing import parse
from i2vadapt.config.recipes.video import Settings
from i2vadapt.data.items import Item
from i2vadapt.errors import UserError
from i2vadapt.inference.classifier import load_classifier
from i2vadapt.inference.evaluate import evaluate
from i2vadapt.inference.method import fuse_runs
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
    domains = open_domains(run.source, run.target, run.settings)
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


def test_supervision_by_the_target_learns_its_labels_and_needs_no_source(data: Path, tmp_path: Path) -> None:
    changes = {**split(data), "supervision": "target", "bank": None, "pace": None}
    run = make_run(data, tmp_path / "run", **changes)
    domains = open_domains(tmp_path / "nowhere", run.target, run.settings)
    assert ids(domains.source.items) == TRAIN_IDS
    assert domains.tested == set(TEST_IDS)
    unlabelled = tmp_path / "unlabelled"
    write_frames(unlabelled / "target", make_items(".mp4", labelled=False), seed=1)
    write_flow(unlabelled / "target", -4.0)
    with pytest.raises(UserError, match="no training video has one"):
        open_domains(tmp_path, unlabelled / "target", run.settings)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bank": None, "pace": None}, "needs protocol split1"),
        ({"protocol": "split1"}, "excludes adaptation: set bank and pace null"),
    ],
)
def test_an_upper_bound_that_would_not_be_one(changes: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse(Settings, {"supervision": "target", **changes}, "test")

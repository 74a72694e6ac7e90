"""Runs that classify features: protocols, items that lack features, finished runs, mistakes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_data import CLASSES, read_metrics

from i2vadapt.config.parsing import parse
from i2vadapt.config.recipes import meda
from i2vadapt.data.splits import TRAIN, split_parts
from i2vadapt.errors import UserError
from i2vadapt.inference.features import FeatureSet, ItemFeatures, write_features
from i2vadapt.inference.method import fuse_runs
from i2vadapt.inference.scores import read_scores
from i2vadapt.layout import RunFolder
from i2vadapt.training.estimation import run_estimator
from i2vadapt.training.run import Run


def side(count: int, suffix: str, seed: int) -> ItemFeatures:
    """ItemFeatures of two classes that differ in the first column; the domains differ in the second."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    values = rng.normal(0, 0.3, (count, 6)).astype(np.float32)
    values[:, 0] += 2 * labels - 1
    values[:, 1] += seed
    return ItemFeatures(
        tuple(f"{CLASSES[label]}/{number}{suffix}" for number, label in enumerate(labels)), labels, values
    )


@pytest.fixture
def features(tmp_path: Path) -> Path:
    path = tmp_path / "features.h5"
    write_features(path, FeatureSet(CLASSES, {"source": side(30, ".jpg", 0), "target": side(40, ".mp4", 1)}, {}))
    return path


def make(folder: Path, features: Path, **changes: object) -> Run[meda.Settings]:
    document = {"dimensions": 2, "neighbours": 3, "features": {"images": "image"}, **changes}
    nowhere = Path("nowhere")
    return Run(
        folder, nowhere, nowhere, CLASSES, parse(meda.Settings, document, "test"), 0, features={"image": features}
    )


def test_all_videos_are_scored_and_fused_like_those_of_a_network(tmp_path: Path, features: Path) -> None:
    run = make(tmp_path / "meda" / "seed0", features)
    run_estimator(run)
    scores = read_scores(RunFolder(run.folder).scores(1), CLASSES)
    assert scores.ids == side(40, ".mp4", 1).ids
    assert scores.tested.all()
    (row,) = read_metrics(run.folder)
    assert float(row["accuracy"]) > 0.9
    assert fuse_runs([run.folder], "MEDA", tmp_path / "method")["accuracy_fused"] == pytest.approx(
        float(row["accuracy"])
    )


def test_in_a_split_only_training_videos_are_adapted_to_and_only_test_videos_count(
    tmp_path: Path, features: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from i2vadapt.estimators import meda as estimator

    seen = []
    original = estimator.Estimator.estimate
    monkeypatch.setattr(
        estimator.Estimator, "estimate", lambda self, problem: seen.append(problem) or original(self, problem)
    )
    run = make(tmp_path / "run", features, protocol="split1")
    run_estimator(run)
    scores = read_scores(RunFolder(run.folder).scores(1))
    parts = split_parts(scores.ids, run.settings.split1)
    training = [parts[item_id] == TRAIN for item_id in scores.ids]
    assert scores.tested.tolist() == [not one for one in training]
    (problem,) = seen
    np.testing.assert_array_equal(problem.adapted["images"], side(40, ".mp4", 1).values[training])
    assert len(problem.videos["images"]) == 40


def test_a_finished_run_is_left_alone_and_another_one_set_aside(tmp_path: Path, features: Path) -> None:
    run = make(tmp_path / "run", features)
    run_estimator(run)
    before = (run.folder / "checkpoint.pt").stat().st_mtime_ns
    run_estimator(run)
    assert (run.folder / "checkpoint.pt").stat().st_mtime_ns == before
    changed = make(tmp_path / "run", features, eta=0.2)
    run_estimator(changed)
    assert (run.folder / "checkpoint.pt").stat().st_mtime_ns != before
    run_estimator(run)
    assert (run.folder / "checkpoint.pt").stat().st_mtime_ns == before  # taken back


def test_mistakes_are_one_line_each(tmp_path: Path, features: Path) -> None:
    run = make(tmp_path / "run", features)
    with pytest.raises(UserError, match=r"--features: none given, but the settings need image"):
        run_estimator(replace(run, features={}))
    with pytest.raises(UserError, match=r"features of the classes walk, run, not run, walk"):
        run_estimator(replace(run, classes=("run", "walk")))
    with pytest.raises(UserError, match=r"no such features: compute them first"):
        run_estimator(replace(run, features={"image": tmp_path / "none.h5"}))
    videos = FeatureSet(CLASSES, {"target": side(40, ".mp4", 1)}, {})
    write_features(features, videos)
    with pytest.raises(UserError, match=r"features: none of the files holds photographs: compute them with --source"):
        run_estimator(run)
    with pytest.raises(UserError, match=r"features must name a run for each of images, not faces"):
        parse(meda.Settings, {"features": {"faces": "image"}}, "test")

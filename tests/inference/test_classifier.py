"""Trained classifiers, loaded from a method or a checkpoint, and the table of their predictions."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from saved_method import DECODE, STREAMS, content, write_description
from tiny_data import CLASSES

from i2vadapt.errors import UserError
from i2vadapt.inference.classifier import load_classifier
from i2vadapt.inference.predictions import write_predictions
from i2vadapt.inference.scores import Scores
from i2vadapt.weights import checkpoint


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

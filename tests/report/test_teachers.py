"""The figure of the teachers: how right their labels are, by the share that is kept."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import yaml
from tiny_methods import make_method, make_run

from i2vadapt.inference.scores import Scores, write_scores
from i2vadapt.layout import Results
from i2vadapt.report.teachers import SHARES, label_accuracies, teachers_figure


def scores_of(labels: np.ndarray, frames: np.ndarray | None = None) -> Scores:
    """Ten videos, the more confident the lower their number; the five most confident ones are of class 0."""
    first = np.linspace(0.95, 0.55, 10, dtype=np.float32)
    probabilities = np.stack([first, 1 - first], axis=1)
    ids = tuple(f"{number}.mp4" for number in range(10))
    return Scores(ids, ("sit", "run"), labels, np.ones(10, bool), probabilities, {}, frames)


def test_shares_of_right_labels_are_those_of_the_most_confident_videos() -> None:
    truth = np.repeat([0, 1], 5)  # everything is predicted as class 0
    expected = [1, 1, 1, 1, 1, 5 / 6, 5 / 7, 5 / 8, 5 / 9, 1 / 2]
    np.testing.assert_allclose(label_accuracies(scores_of(truth), "videos"), expected)
    assert len(SHARES) == 10
    turned = np.repeat(scores_of(truth).probabilities[::-1, None], 3, axis=1)
    np.testing.assert_allclose(label_accuracies(scores_of(truth, turned), "frames")[:5], 0)
    assert np.isnan(label_accuracies(scores_of(np.full(10, -1)), "videos")).all()


def test_every_teacher_of_a_chain_has_a_line_and_without_one_there_is_no_figure(tmp_path: Path) -> None:
    """The method fuses `c`, which learns from `b`, which learns from `a`."""
    results = Results(tmp_path)
    method = make_method("mine", [0, 0, 0, 1], runs=[make_run("c", {"epoch": [1]})], flow=False)
    assert teachers_figure(results, "demo", [method]) is None
    teachers = {"c": {"teacher": {"run": "b", "select": "videos"}}, "a": {}}
    teachers["b"] = {"contrast": {"teacher": {"run": "a", "select": "frames"}}}
    for name, train in teachers.items():
        folder = results.run("demo", name, 0)
        write_scores(folder.scores(3), scores_of(np.zeros(10, np.int64)), 3)
        parents = {"b": "1"} if name == "c" else {"a": "2"} if name == "b" else {}
        folder.settings.write_text(yaml.safe_dump({"train": train, "parents": parents}))
    png = teachers_figure(results, "demo", [method])
    assert png is not None
    assert cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR).shape[1] > 500
    assert png == teachers_figure(results, "demo", [method])

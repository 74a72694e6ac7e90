"""How right the labels of the teachers are, by the share of the videos that get one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from i2vadapt.adaptation.pseudo_labels import select_by_frames, select_by_videos
from i2vadapt.data.items import UNLABELLED
from i2vadapt.inference.scores import Scores, read_scores
from i2vadapt.layout import Results
from i2vadapt.report.needed import needed_runs
from i2vadapt.report.plotting import colour, dash, new_figure, per_cent_axis, style, to_png
from i2vadapt.report.runs import Method

SHARES = tuple(number / 10 for number in range(1, 11))


def teachers_figure(results: Results, benchmark: str, methods: Sequence[Method]) -> bytes | None:
    """Draws for each teacher the share of right labels against the share of labelled videos, as PNG.

    Args:
        results: folder of all results.
        benchmark: name of the benchmark.
        methods: methods, whose runs may have teachers.

    Returns:
        The figure for the first seed; None without a teacher or without labels of the target.
    """
    lines = {
        f"{teacher} for {student}": right
        for (teacher, student), (scores, rule) in _teachers(results, benchmark, methods).items()
        if not np.isnan(right := label_accuracies(scores, rule)).all()
    }
    if not lines:
        return None
    with style():
        figure = new_figure(6.8, 3.6)
        axes = figure.subplots()
        for number, (label, right) in enumerate(lines.items()):
            look: dict[str, Any] = {"color": colour(number), "linestyle": dash(number)}
            axes.plot(SHARES, right, marker="o", markersize=3, linewidth=1.8, label=label, **look)
        axes.set(ylim=(0, 1), xlabel="share of the videos that get a label, the most confident ones")
        axes.set_title("Share of right labels")
        per_cent_axis(axes)
        per_cent_axis(axes, "x")
        axes.legend(fontsize=8.5)
        return to_png(figure)


def label_accuracies(scores: Scores, rule: str) -> np.ndarray:
    """Shares of right labels for each of `SHARES`.

    Args:
        scores: scores of a teacher.
        rule: frames or videos, see `TeacherSettings.select`.

    Returns:
        (10,) shares over the videos whose label is known; NaN where none of them is chosen.
    """
    found = []
    for keep in SHARES:
        if rule == "frames" and scores.frame_probabilities is not None:
            labels = select_by_frames(scores.frame_probabilities, keep)
        else:
            labels = select_by_videos(scores.probabilities, keep)
        known = (labels != UNLABELLED) & (scores.labels != UNLABELLED)
        found.append((labels[known] == scores.labels[known]).mean() if known.any() else np.nan)
    return np.array(found)


def _teachers(results: Results, benchmark: str, methods: Sequence[Method]) -> dict[tuple[str, str], tuple[Scores, str]]:
    """Last scores of each teacher and the rule by which its student chooses, by the names of both."""
    found = {}
    for evaluation in (method.evaluations[0] for method in methods):
        for student, document in needed_runs(results, benchmark, evaluation).items():
            train = document.get("train") or {}
            settings = train.get("teacher") or (train.get("contrast") or {}).get("teacher")
            if settings and (settings["run"], student) not in found:
                folder = results.run(benchmark, settings["run"], evaluation.seed)
                last = max(folder.scores(1).parent.glob("*.safetensors"))
                found[settings["run"], student] = (read_scores(last), settings["select"])
    return found

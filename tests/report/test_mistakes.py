"""Which videos the page plays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from i2vadapt.report.mistakes import GROUPS, VIDEOS, choose_videos
from i2vadapt.report.runs import Evaluation, Predictions

CLASSES = ("run", "sit", "wave")


def evaluation(truth: Sequence[int], final: Sequence[int], scores: Sequence[float], weight: float = 2.0) -> Evaluation:
    ids = tuple(f"{number}.mp4" for number in range(len(truth)))
    predictions = Predictions(np.array(truth), {"rgb": np.array(final)}, ids, np.array(scores))
    return Evaluation(0, predictions, (), total_weight=weight)


def test_the_most_frequent_confusion_comes_first_and_in_it_the_most_confident_mistake() -> None:
    truth, final = [0, 0, 0, 1, 1, 2, -1], [1, 1, 0, 2, 1, 2, 0]
    first, second = choose_videos(evaluation(truth, final, [1.2, 1.8, 2, 1.5, 2, 2, 2]), CLASSES)
    assert first.heading == "run taken for sit: 2 of 3 videos of run"
    assert [choice.id for choice in first.choices] == ["1.mp4", "0.mp4"]
    assert first.choices[0].caption == "sit 90 %, truly run"  # a score of 1.8 of two runs
    assert second.heading == "sit taken for wave: 1 of 2 videos of sit"
    assert [choice.id for choice in second.choices] == ["3.mp4"]


def test_many_confusions_are_cut_to_the_worst_and_no_mistake_gives_none() -> None:
    rng = np.random.default_rng(0)
    truth, final = rng.integers(0, 20, 2000), rng.integers(0, 20, 2000)
    names = [f"class {number}" for number in range(20)]
    groups = choose_videos(evaluation(truth, final, rng.random(2000).tolist()), names)
    counts = np.zeros((20, 20), int)
    np.add.at(counts, (truth, final), 1)
    np.fill_diagonal(counts, 0)
    shown = [int(group.heading.split(": ")[1].split()[0]) for group in groups]
    assert shown == np.sort(counts.ravel())[::-1][:GROUPS].tolist()
    assert all(len(group.choices) <= VIDEOS for group in groups)
    assert choose_videos(evaluation([0, 1], [0, 1], [1, 1]), CLASSES) == []


def test_equally_confident_mistakes_are_ordered_by_id() -> None:
    (group,) = choose_videos(evaluation([0] * 6, [1] * 6, [1.0] * 6), CLASSES)
    assert [choice.id for choice in group.choices] == ["0.mp4", "1.mp4", "2.mp4", "3.mp4"]


def test_without_labels_the_surest_and_the_least_sure_alternate() -> None:
    scores = [0.9, 0.5, 0.8, 0.6, 0.7, 0.3]
    groups = choose_videos(evaluation([-1] * 6, [0, 0, 0, 0, 0, 2], scores, weight=1), CLASSES)
    assert [group.heading for group in groups] == [
        "run: the surest and the least sure of 5 videos",
        "wave: the surest and the least sure of 1 video",
    ]
    assert [choice.id for choice in groups[0].choices] == ["0.mp4", "1.mp4", "2.mp4", "3.mp4"]
    assert groups[0].choices[1].caption == "run 50 %"
    assert [choice.id for choice in groups[1].choices] == ["5.mp4"]

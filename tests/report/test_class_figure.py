"""Accuracy of each class by two methods."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_methods import make_method

from i2vadapt.report import class_figure as module
from i2vadapt.report.class_figure import class_figure, class_shares, compared_methods

CLASSES = ("a", "b", "c $x$")
TRUTH = (0, 0, 1, 1, -1)


def test_accuracy_of_a_class_is_the_mean_over_the_seeds_and_unknown_without_videos() -> None:
    method = make_method("m", [0, 0, 1, 0, 1], [0, 1, 1, 0, 1], truth=TRUTH)
    np.testing.assert_allclose(class_shares(method, 3), [0.75, 0.5, np.nan])


def test_without_labels_it_is_the_share_of_the_videos_that_a_class_gets() -> None:
    method = make_method("m", [0, 0, 1, 0], truth=(-1, -1, -1, -1))
    np.testing.assert_allclose(class_shares(method, 3), [0.75, 0.25, 0])


def test_the_methods_without_and_with_the_bank_are_compared_or_the_first_and_the_last() -> None:
    methods = {name: make_method(name, [0], truth=(0,)) for name in ("so_rgb", "cfb", "so_rgb_flow", "full")}
    assert [method.name for method in compared_methods(list(methods.values()))] == ["so_rgb_flow", "cfb"]
    others = [methods["so_rgb"], methods["cfb"], methods["full"]]
    assert [method.name for method in compared_methods(others)] == ["so_rgb", "full"]
    assert compared_methods(others[:1]) == others[:1]


def test_classes_are_sorted_by_the_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    monkeypatch.setattr(module, "_draw_class", lambda axes, y, shares: drawn.append((y, *shares)))
    first = make_method("a", [0, 0, 0, 0, 2, 2], truth=(0, 0, 1, 1, 2, 2))
    second = make_method("b", [0, 1, 1, 1, 2, 2], truth=(0, 0, 1, 1, 2, 2))
    class_figure([first, second], CLASSES)
    assert drawn == [(0, 0, 1), (1, 1, 1), (2, 1, 0.5)]


@pytest.mark.parametrize("truth", [TRUTH, (-1,) * 5])
@pytest.mark.parametrize("count", [1, 2])
def test_the_figure_is_reproducible(truth: tuple[int, ...], count: int) -> None:
    methods = [make_method(name, [0, 0, 1, 0, 1], truth=truth) for name in ("m", "n")[:count]]
    assert class_figure(methods, CLASSES) == class_figure(methods, CLASSES)

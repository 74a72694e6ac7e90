from __future__ import annotations

import cv2
import numpy as np
import pytest

from i2vadapt.report.curves import _bank_start, _mean_curve, curves_figure
from i2vadapt.report.figures import _confusion, accuracy_figure, confusion_figure
from i2vadapt.report.plotting import new_figure, style
from i2vadapt.report.runs import Method, Metrics, Predictions, Run

CLASSES = ("a", "b $x$")


def method(truth: list[int], predicted: list[int], metrics: Metrics | None = None) -> Method:
    return Method("full", (Run(0, Predictions(np.array(truth), {"rgb": np.array(predicted)}), metrics or {}, {}),))


def size(png: bytes) -> tuple[int, int]:
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    return image.shape[1], image.shape[0]


def test_rows_of_the_confusion_matrix_are_true_classes() -> None:
    with style():
        axes = new_figure(4, 4).subplots()
        _confusion(axes, method([0, 0, 0, 1, -1], [0, 1, 1, 1, 0]), CLASSES)
    np.testing.assert_allclose(axes.images[0].get_array(), [[1 / 3, 2 / 3], [0, 1]])
    assert axes.get_ylabel() == "true"
    assert "50.0 %" in axes.get_title("left")
    assert sorted(text.get_text() for text in axes.texts) == ["1", "1", "2"]


def test_mean_curve_takes_epochs_that_all_runs_measured() -> None:
    first = np.array([1.0, 2.0, 3.0]), np.array([0.2, np.nan, 0.4])
    second = np.array([1.0, 2.0, 3.0]), np.array([0.4, 0.5, 0.8])
    epochs, means = _mean_curve([first, second])
    assert epochs.tolist() == [1, 3]
    assert means == pytest.approx([0.3, 0.6])


def test_bank_starts_where_it_is_first_used() -> None:
    metrics = {"epoch": np.array([1.0, 2.0, 3.0]), "bank_used": np.array([0.0, 1.0, 1.0])}
    assert _bank_start(metrics) == 2
    assert _bank_start({"epoch": np.array([1.0])}) is None


def test_panels_without_numbers_are_left_out() -> None:
    loss = {"epoch": np.array([1.0, 2.0]), "loss": np.array([2.0, 1.0])}
    full = loss | {
        name: np.array([0.1, 0.2]) for name in ("accuracy_rgb", "pace_accuracy", "bank_purity", "bank_flows")
    }
    without = size(curves_figure([method([0], [0], loss)]))
    assert size(curves_figure([method([0], [0], full)]))[1] > without[1] * 2


@pytest.mark.parametrize("truth", [[0, 1], [-1, -1]])
def test_figures_are_reproducible_with_and_without_labels(truth: list[int]) -> None:
    methods = [method(truth, [0, 0])] * 3
    for make in (confusion_figure, accuracy_figure):
        assert make(methods, CLASSES) == make(methods, CLASSES)

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from tiny_methods import make_method, make_run
from tiny_results import CLASSES as TINY_CLASSES
from tiny_results import make_scores, write_method, write_run

from i2vadapt.data.items import read_items
from i2vadapt.layout import Results
from i2vadapt.report.accuracy import accuracy_by_seed
from i2vadapt.report.curves import bank_start, curves_figure
from i2vadapt.report.figures import _confusion, accuracy_figure, confusion_figure
from i2vadapt.report.plotting import new_figure, style
from i2vadapt.report.runs import load_methods
from i2vadapt.report.series import method_lines, run_lines

CLASSES = ("a", "b $x$")


def size(png: bytes) -> tuple[int, int]:
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    return image.shape[1], image.shape[0]


def test_rows_of_the_confusion_matrix_are_true_classes() -> None:
    with style():
        axes = new_figure(4, 4).subplots()
        _confusion(axes, make_method("full", [0, 1, 1, 1, 0], truth=[0, 0, 0, 1, -1]), CLASSES)
    np.testing.assert_allclose(axes.images[0].get_array(), [[1 / 3, 2 / 3], [0, 1]])
    assert axes.get_ylabel() == "true"
    assert "50.0 %" in axes.get_title("left")
    assert sorted(text.get_text() for text in axes.texts) == ["1", "1", "2"]


def test_accuracy_of_a_method_is_fused_at_the_epochs_that_all_its_runs_scored(results: Results) -> None:
    one, both = method_lines(load_methods(results, "tiny", ["so_rgb", "full"], [0, 1], TINY_CLASSES))
    assert (one.label, both.label) == ("SO (RGB)", "Full model")
    assert [curve.to_dict() for curve in one.seeds] == [{2: 0.5, 4: 0.5}] * 2
    # epoch 3 was scored by the flow run alone
    assert [curve.to_dict() for curve in both.seeds] == [{2: 0.5, 4: 1.0}, {2: 0.5, 4: pytest.approx(5 / 6)}]


def test_fused_accuracy_over_epochs_counts_tested_videos_alone(results: Results) -> None:
    items = read_items(results.dataset("videos").manifest)
    truth = [TINY_CLASSES[item.label] for item in items]
    scores = make_scores(items, [*truth[:2], *["run"] * 4], 0.9)  # the first two and no others are right
    scores = replace(scores, tested=np.array([False, True, True, True, True, False]))
    folders = {stream: results.run("tiny", f"upper_{stream}", 0) for stream in ("rgb", "flow")}
    for folder in folders.values():
        write_run(folder, {1: scores}, [{"epoch": 1}], {})
    write_method(results.method("tiny", "upper", 0), "Upper", folders, protocol="split1")
    methods = load_methods(results, "tiny", ["upper"], [0], TINY_CLASSES)
    (line,) = method_lines(methods)
    assert [curve.to_dict() for curve in line.seeds] == [{1: 1 / 4}]
    assert accuracy_by_seed(methods).loc[("upper", 0), "accuracy_fused"] == 1 / 4


def test_a_run_that_several_methods_fuse_is_one_line(results: Results) -> None:
    methods = load_methods(results, "tiny", ["so_rgb", "full"], [0, 1], TINY_CLASSES)
    first, second = method_lines(methods)
    (rgb,), (flow,) = (run_lines(methods, "accuracy", stream) for stream in ("rgb", "flow"))
    assert (rgb.label, rgb.colour) == ("rgb", first.colour)
    assert (flow.label, flow.colour) == ("flow_bank", second.colour)
    assert [len(line.seeds) for line in (rgb, flow)] == [2, 2]
    assert [line.label for line in run_lines(methods, "loss")] == ["rgb", "flow_bank"]


def test_mean_over_seeds_takes_epochs_that_all_of_them_measured() -> None:
    runs = [
        make_run("rgb", {"epoch": [1, 2, 3], "accuracy": [0.2, np.nan, 0.4]}, seed=0),
        make_run("rgb", {"epoch": [1, 2, 3], "accuracy": [0.4, 0.5, 0.8]}, seed=1),
    ]
    (line,) = run_lines([make_method("m", [0], [0], truth=(0,), flow=False, runs=runs)], "accuracy")
    assert line.mean.to_dict() == {1: pytest.approx(0.3), 3: pytest.approx(0.6)}


def test_bank_starts_where_it_is_first_used() -> None:
    assert bank_start(make_run("flow", {"epoch": [1, 2, 3], "bank_used": [0, 1, 1]})) == 2
    assert bank_start(make_run("flow", {"epoch": [1, 2], "bank_used": [0, 0]})) is None
    assert bank_start(make_run("flow", {"epoch": [1]})) is None


def test_panels_without_numbers_are_left_out() -> None:
    def height(**columns: list[float]) -> int:
        run = make_run("rgb", {"epoch": [1, 2], "loss": [2, 1], **columns})
        return size(curves_figure([make_method("m", [0], truth=(0,), flow=False, runs=[run])]))[1]

    names = ("accuracy", "pace_accuracy", "bank_purity", "bank_flows")
    assert height(**{name: [0.1, 0.2] for name in names}) > height() * 2


def test_curves_without_labels_have_losses_alone(unlabelled_results: Results) -> None:
    methods = load_methods(unlabelled_results, "tiny", ["full"], [0], TINY_CLASSES)
    assert method_lines(methods) == []
    assert size(curves_figure(methods))[0] == 9 * 120


@pytest.mark.parametrize("truth", [[0, 1], [-1, -1]])
def test_figures_are_reproducible_with_and_without_labels(truth: list[int]) -> None:
    methods = [make_method(name, [0, 0], truth=truth) for name in ("a", "b", "c")]
    for make in (confusion_figure, accuracy_figure):
        assert make(methods, CLASSES) == make(methods, CLASSES)

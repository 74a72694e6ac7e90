from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tiny_results import CLASSES, make_scores, write_method, write_run

from i2vadapt.data.items import read_items
from i2vadapt.errors import UserError
from i2vadapt.layout import ReportFolder, Results
from i2vadapt.report.make import make_report
from i2vadapt.report.runs import distinct_runs, load_methods, read_metrics, read_predictions

NAMES = ("a_b", "c")


def test_a_run_that_two_methods_fuse_is_read_once(results: Results) -> None:
    first, second = load_methods(results, "tiny", ["so_rgb", "full"], [0, 1], CLASSES)
    assert [method.title for method in (first, second)] == ["SO (RGB)", "Full model"]
    assert first.evaluations[1].runs[0] is second.evaluations[1].runs[0]
    runs = distinct_runs([first, second])
    assert {name: [run.seed for run in seeds] for name, seeds in runs.items()} == {"rgb": [0, 1], "flow_bank": [0, 1]}
    assert [run.stream for run in second.evaluations[0].runs] == ["rgb", "flow"]
    assert runs["flow_bank"][0].scored == (2, 3, 4)
    assert runs["rgb"][0].settings["train"]["epochs"] == 4


def test_a_method_or_seed_that_is_listed_twice_is_refused(results: Results, tmp_path: Path) -> None:
    """Twice the same seed would give a spread of 0 over a single run."""
    file, out = results.path.parent / "tiny.yaml", ReportFolder(tmp_path / "report")
    with pytest.raises(UserError) as caught:
        make_report(file, results, ["full", "so_rgb", "full"], [0, 1, 0], out)
    assert str(caught.value).splitlines() == [
        "--methods: full must not be listed twice",
        "--seeds: 0 must not be listed twice",
    ]


def test_a_method_made_for_other_classes_is_refused(results: Results) -> None:
    with pytest.raises(UserError, match=r"made for the classes run, .*, not run, jump: train its runs again"):
        load_methods(results, "tiny", ["full"], [0], ["run", "jump"])


def test_classes_are_the_same_whatever_their_order(results: Results) -> None:
    """Predictions are read by the names of the classes: another order renumbers them."""
    path = results.method("tiny", "full", 0).predictions
    one, other = read_predictions(path, CLASSES), read_predictions(path, CLASSES[::-1])
    np.testing.assert_array_equal(other.truth, len(CLASSES) - 1 - one.truth)
    np.testing.assert_array_equal(other.final, len(CLASSES) - 1 - one.final)


def test_result_is_the_fusion_or_the_only_stream(results: Results) -> None:
    one, both = load_methods(results, "tiny", ["so_rgb", "full"], [0], CLASSES)
    assert (one.result, both.result) == ("rgb", "fused")
    predictions = both.evaluations[0].predictions
    assert predictions.final is predictions.by_stream["fused"]
    np.testing.assert_array_equal(predictions.final, predictions.by_stream["flow"])  # flow has the higher confidence


def test_a_method_that_was_tested_on_a_part_of_the_videos_says_so(results: Results) -> None:
    folder = results.method("tiny", "upper", 0)
    write_method(folder, "Supervised target", {"rgb": results.run("tiny", "rgb", 0)}, protocol="split1")
    (method,) = load_methods(results, "tiny", ["upper"], [0], CLASSES)
    assert method.title == "Supervised target (split 1)"


def test_missing_method_is_named(results: Results) -> None:
    with pytest.raises(UserError, match=r"full/seed7/method\.yaml"):
        load_methods(results, "tiny", ["full"], [7], CLASSES)


def test_run_that_was_trained_again_after_its_fusion_is_refused(results: Results) -> None:
    folder = results.run("tiny", "rgb", 0)
    items = read_items(results.dataset("videos").manifest)
    write_run(folder, {4: make_scores(items, [CLASSES[0]] * len(items), 0.5)}, [{"epoch": 4, "loss": 1}], {})
    with pytest.raises(UserError, match=r"full/seed0/method\.yaml: .* of rgb .*scores\.csv: run fuse again"):
        load_methods(results, "tiny", ["full"], [0], CLASSES)


def test_damaged_method_is_one_line_a_key(results: Results) -> None:
    results.method("tiny", "full", 0).description.write_text("title: Full\nruns: []\n")
    with pytest.raises(UserError) as error:
        load_methods(results, "tiny", ["full"], [0], CLASSES)
    assert [line.split("method.yaml: ")[1].split(":")[0] for line in str(error.value).splitlines()] == [
        "protocol",
        "classes",
        "runs",
        "predictions",
    ]


@pytest.mark.parametrize(
    ("kept", "problem"),
    [
        (lambda data: data[: data.rindex(b",")], r"row \d+ does not have \d+ cells: the file is damaged"),
        (lambda data: data[: data.rindex(b"\n", 0, -1) + 1], "was changed or damaged after the fusion: run fuse again"),
        (lambda data: data[: data.index(b"\n") + 1], "holds no predictions of a stream: run fuse again"),
        (lambda data: b"", "no column id, class, predicted"),
    ],
    ids=["within a row", "between rows", "after the header", "empty"],
)
def test_cut_predictions_are_refused_wherever_they_are_cut(
    results: Results, kept: Callable[[bytes], bytes], problem: str
) -> None:
    path = results.method("tiny", "full", 0).predictions
    path.write_bytes(kept(path.read_bytes()))
    with pytest.raises(UserError, match=problem):
        load_methods(results, "tiny", ["full"], [0], CLASSES)


def test_predictions_of_another_class_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "predictions.csv"
    path.write_text("id,class,predicted,confidence,predicted_rgb\n1,c,jump,1,c\n")
    with pytest.raises(UserError, match=r"predicted: 'jump' is no class of the benchmark, which has a_b, c"):
        read_predictions(path, NAMES)


def test_predictions_of_one_stream_have_no_fusion(tmp_path: Path) -> None:
    path = tmp_path / "predictions.csv"
    path.write_text("id,class,predicted,confidence,predicted_rgb\n1,,c,1,c\n2,a_b,a_b,1,a_b\n")
    predictions = read_predictions(path, NAMES)
    assert list(predictions.by_stream) == ["rgb"]
    assert predictions.truth.tolist() == [-1, 0]
    assert predictions.final.tolist() == [1, 0]


def test_metrics_keep_gaps_and_refuse_words(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("epoch,loss\n1,2.5\n2,\n")
    metrics = read_metrics(path)
    assert metrics.index.tolist() == [1, 2]
    np.testing.assert_array_equal(metrics["loss"], [2.5, np.nan])
    path.write_text("epoch,loss\n1,high\n")
    with pytest.raises(UserError, match=r"metrics\.csv.*number.*'high'"):
        read_metrics(path)
    path.write_text("epoch,loss\n")
    with pytest.raises(UserError, match=r"metrics\.csv: has no epochs"):
        read_metrics(path)

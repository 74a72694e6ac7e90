from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from i2vadapt.errors import UserError
from i2vadapt.report.runs import Method, Predictions, Run, load_method, read_metrics, read_predictions
from i2vadapt.report.tables import (
    NO_LABELS,
    accuracy_csv,
    accuracy_latex,
    accuracy_markdown,
    accuracy_rows,
    accuracy_text,
    method_scores,
    run_scores,
)

CLASSES = ("a_b", "c")


def method(
    name: str,
    *predicted: list[int],
    truth: tuple[int, ...] = (0, 0, 0, 1),
    flow: bool = True,
    protocol: str = "transductive",
) -> Method:
    """A method whose RGB stream always answers 0 and whose flow stream and fusion answer as given, one list a seed."""
    runs, settings = [], {"train": {"protocol": protocol}}
    for seed, values in enumerate(predicted):
        streams = {"rgb": np.zeros(len(truth), np.int64)}
        if flow:
            streams |= {"flow": np.array(values), "fused": np.array(values)}
        runs.append(Run(seed, Predictions(np.array(truth), streams), {}, settings))
    return Method(name, tuple(runs))


def test_accuracy_per_video_and_per_class_differ_on_unbalanced_classes() -> None:
    scores = run_scores(method("full", [0, 0, 1, 1]).runs[0].predictions)
    assert scores["accuracy_rgb"] == pytest.approx(3 / 4)
    assert scores["class_accuracy_rgb"] == pytest.approx(1 / 2)
    assert scores["accuracy_fused"] == pytest.approx(3 / 4)
    assert scores["class_accuracy_fused"] == pytest.approx((2 / 3 + 1) / 2)


def test_videos_without_label_and_classes_without_video_do_not_count() -> None:
    predictions = Predictions(np.array([0, -1, 0]), {"rgb": np.array([0, 1, 1])})
    assert run_scores(predictions) == {"accuracy_rgb": pytest.approx(0.5), "class_accuracy_rgb": pytest.approx(0.5)}


def test_spread_over_seeds_is_the_deviation_of_a_sample() -> None:
    spread = method_scores(method("full", [0, 0, 0, 0], [0, 0, 0, 1]))["accuracy_fused"]
    assert spread.mean == pytest.approx(0.875)
    assert spread.deviation == pytest.approx(0.125 * np.sqrt(2))
    assert spread.in_percent() == "87.5 ± 17.7"


def test_single_seed_has_no_spread() -> None:
    assert method_scores(method("full", [0, 0, 0, 1]))["accuracy_fused"].in_percent() == "100.0"


def test_rows_leave_missing_streams_empty_and_mark_the_answer() -> None:
    header, rows, results = accuracy_rows([method("so_rgb", [0], truth=(0,), flow=False), method("mine", [0, 0, 0, 1])])
    assert header[:4] == ["Method", "RGB", "Flow", "Fused"]
    assert rows[0][:4] == ["SO (RGB)", "100.0", "", ""]
    assert rows[1][:4] == ["mine", "75.0", "100.0", "100.0"]
    assert results == [1, 3]


def test_a_method_that_was_tested_on_a_part_of_the_videos_says_so() -> None:
    _, rows, _ = accuracy_rows([method("supervised", [0, 0, 0, 1], protocol="split1"), method("full", [0, 0, 0, 1])])
    assert [row[0] for row in rows] == ["Supervised target (split 1)", "Full model"]


def test_csv_holds_shares_and_empty_cells() -> None:
    methods = [method("so_rgb", [0], truth=(0,), flow=False), method("full", [0, 0, 0, 1], [0, 0, 0, 0])]
    first, second = csv.DictReader(io.StringIO(accuracy_csv(methods)))
    assert (first["accuracy_rgb"], first["accuracy_rgb_std"], first["accuracy_fused"]) == ("1.000000", "", "")
    assert (second["title"], second["seeds"], second["accuracy_fused"]) == ("Full model", "0 1", "0.875000")
    assert float(second["accuracy_fused_std"]) == pytest.approx(0.176777)


def test_markdown_latex_and_text_show_the_same_numbers() -> None:
    methods = [method("my_own|method", [0, 0, 0, 1])]
    markdown = accuracy_markdown(methods, CLASSES)
    assert "| my_own\\|method | 75.0 | 100.0 | **100.0** |" in markdown
    assert "my\\_own|method & 75.0 & 100.0 & \\textbf{100.0} &" in accuracy_latex(methods, CLASSES)
    assert accuracy_text(methods, CLASSES).splitlines()[1].split()[:4] == ["my_own|method", "75.0", "100.0", "100.0"]


def test_without_labels_the_tables_say_so_and_count_predictions() -> None:
    methods = [method("full", [0, 1, 1, 1], truth=(-1, -1, -1, -1))]
    assert not methods[0].is_labelled
    assert accuracy_markdown(methods, CLASSES).startswith(NO_LABELS)
    assert "| Full model | 1 | 3 |" in accuracy_markdown(methods, CLASSES)
    assert "a\\_b & c" in accuracy_latex(methods, CLASSES)
    assert accuracy_text(methods, CLASSES).splitlines()[-1].split() == ["Full", "model", "1", "3"]
    assert next(csv.DictReader(io.StringIO(accuracy_csv(methods))))["accuracy_fused"] == ""


def test_predictions_of_another_class_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "predictions.csv"
    path.write_text("id,class,predicted,confidence,predicted_rgb\n1,c,jump,1,c\n")
    with pytest.raises(UserError, match=r"predicted: 'jump' is no class of the benchmark; it has a_b, c"):
        read_predictions(path, CLASSES)


def test_predictions_of_one_stream_have_no_fusion(tmp_path: Path) -> None:
    path = tmp_path / "predictions.csv"
    path.write_text("id,class,predicted,confidence,predicted_rgb\n1,,c,1,c\n2,a_b,a_b,1,a_b\n")
    predictions = read_predictions(path, CLASSES)
    assert list(predictions.by_stream) == ["rgb"]
    assert predictions.truth.tolist() == [-1, 0]
    assert predictions.final.tolist() == [1, 0]


def test_metrics_keep_gaps_and_refuse_words(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("epoch,loss\n1,2.5\n2,\n")
    metrics = read_metrics(path)
    np.testing.assert_array_equal(metrics["loss"], [2.5, np.nan])
    path.write_text("epoch,loss\n1,high\n")
    with pytest.raises(UserError, match=r"metrics\.csv.*number.*'high'"):
        read_metrics(path)


def test_missing_run_is_named(results: Path) -> None:
    with pytest.raises(UserError, match=r"full/seed7/predictions\.csv"):
        load_method(results, "tiny", "full", [7], CLASSES)

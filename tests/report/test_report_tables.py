from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from tiny_methods import make_method

from i2vadapt.report.accuracy import accuracy_over_seeds, in_percent, is_labelled, stream_accuracies
from i2vadapt.report.runs import Predictions
from i2vadapt.report.tables import NO_LABELS, make_table, to_csv, to_latex, to_markdown, to_text

CLASSES = ("a_b", "c")


def test_accuracy_per_video_and_per_class_differ_on_unbalanced_classes() -> None:
    scores = stream_accuracies(make_method("full", [0, 0, 1, 1]).evaluations[0].predictions)
    assert scores["accuracy_rgb"] == pytest.approx(3 / 4)
    assert scores["class_accuracy_rgb"] == pytest.approx(1 / 2)
    assert scores["accuracy_fused"] == pytest.approx(3 / 4)
    assert scores["class_accuracy_fused"] == pytest.approx((2 / 3 + 1) / 2)


def test_videos_without_label_and_classes_without_video_do_not_count() -> None:
    predictions = Predictions(np.array([0, -1, 0]), {"rgb": np.array([0, 1, 1])}, ("a", "b", "c"), np.ones(3))
    assert stream_accuracies(predictions) == {
        "accuracy_rgb": pytest.approx(0.5),
        "class_accuracy_rgb": pytest.approx(0.5),
    }


def test_spread_over_seeds_is_the_deviation_of_a_sample() -> None:
    shares = accuracy_over_seeds([make_method("full", [0, 0, 0, 0], [0, 0, 0, 1])]).loc["full"]
    assert shares["accuracy_fused"] == pytest.approx(0.875)
    assert shares["accuracy_fused_std"] == pytest.approx(0.125 * np.sqrt(2))
    assert in_percent(shares["accuracy_fused"], shares["accuracy_fused_std"]) == "87.5 ± 17.7"


def test_single_seed_has_no_spread() -> None:
    table = make_table([make_method("full", [0, 0, 0, 1])], CLASSES)
    assert table.rows == [["full", "75.0", "100.0", "100.0", "50.0", "100.0", "100.0"]]
    assert table.note == "Accuracy on the target in per cent, seed 0"


def test_a_partly_labelled_target_is_told_with_its_number_of_labels() -> None:
    table = make_table([make_method("full", [0, 1, 0, 1], truth=(0, -1, -1, 1))], CLASSES)
    assert table.note == "Accuracy on the target in per cent, seed 0, over the 2 of 4 videos that have a label"
    assert table.rows[0][3] == "100.0"
    assert table.note in to_markdown(table)


def test_rows_leave_missing_streams_empty_and_mark_the_result() -> None:
    table = make_table([make_method("so_rgb", [0], truth=(0,), flow=False), make_method("mine", [0, 0, 0, 1])], CLASSES)
    assert table.header[:4] == ["Method", "RGB", "Flow", "Fused"]
    assert table.rows[0][:4] == ["so_rgb", "100.0", "", ""]
    assert table.rows[1][:4] == ["mine", "75.0", "100.0", "100.0"]
    assert table.results == [1, 3]


def test_csv_holds_shares_and_empty_cells() -> None:
    methods = [make_method("so_rgb", [0], truth=(0,), flow=False), make_method("full", [0, 0, 0, 1], [0, 0, 0, 0])]
    first, second = csv.DictReader(io.StringIO(to_csv(methods)))
    assert list(first)[:7] == [
        "method", "title", "seeds", "accuracy_rgb", "accuracy_rgb_std", "accuracy_flow", "accuracy_flow_std",
    ]  # fmt: skip
    assert (first["accuracy_rgb"], first["accuracy_rgb_std"], first["accuracy_fused"]) == ("1.000000", "", "")
    assert (second["title"], second["seeds"], second["accuracy_fused"]) == ("full", "0 1", "0.875000")
    assert float(second["accuracy_fused_std"]) == pytest.approx(0.176777)


def test_markdown_latex_and_text_show_the_same_numbers() -> None:
    table = make_table([make_method("x", [0, 0, 0, 1], title="my_own|method")], CLASSES)
    assert "| my_own\\|method | 75.0 | 100.0 | **100.0** |" in to_markdown(table)
    assert "my\\_own|method & 75.0 & 100.0 & \\textbf{100.0} &" in to_latex(table)
    assert to_text(table).splitlines()[1].split()[:4] == ["my_own|method", "75.0", "100.0", "100.0"]


def test_markdown_has_a_line_a_row_and_numbers_to_the_right() -> None:
    methods = [make_method("first", [0, 0, 0, 1], [0, 0, 0, 0]), make_method("second", [0] * 4, [0] * 4)]
    lines = to_markdown(make_table(methods, CLASSES)).splitlines()
    assert lines[0] == "Accuracy on the target in per cent, mean ± standard deviation over 2 seeds."
    assert lines[1] == ""
    assert lines[2].startswith("| Method | RGB | Flow | Fused | RGB, per class |")
    assert lines[3] == "| --- |" + " ---: |" * 6
    assert lines[4].startswith("| first | 75.0 ± 0.0 | 87.5 ± 17.7 | **87.5 ± 17.7** |")
    assert [line.count("|") for line in lines[2:]] == [8] * 4


def test_markdown_shows_names_as_they_stand() -> None:
    table = make_table([make_method("full", [0], truth=(-1,), title="a*|b")], ("sit <down>", "snake_case"))
    assert "| Method | sit \\<down> | snake_case |" in to_markdown(table)
    assert "| a\\*\\|b | 1 | 0 |" in to_markdown(table)


def test_latex_has_rules_groups_and_escaped_names() -> None:
    title = "A & b % $ # _ { } ~ ^ \\ < >"
    predicted = [0, 0, 0, 1], [0, 0, 0, 0]
    methods = [make_method(name, *predicted, title=title) for name in ("x", "y")]
    lines = to_latex(make_table(methods, CLASSES)).splitlines()
    assert lines[:2] == ["\\begin{tabular}{lrrrrrr}", "\\toprule"]
    assert lines[2] == " & \\multicolumn{3}{c}{per video} & \\multicolumn{3}{c}{mean over classes} \\\\"
    assert lines[3:5] == [" & RGB & Flow & Fused & RGB & Flow & Fused \\\\", "\\midrule"]
    escaped = (
        "A \\& b \\% \\$ \\# \\_ \\{ \\} \\textasciitilde{} \\textasciicircum{} \\textbackslash{} $<$ $>$"
        " & 75.0$\\pm$0.0 & 87.5$\\pm$17.7 & \\textbf{87.5$\\pm$17.7} & "
    )
    assert lines[5].startswith(escaped)
    assert lines[7:] == ["\\bottomrule", "\\end{tabular}"]


def test_text_separates_columns_by_two_spaces() -> None:
    header, row = to_text(make_table([make_method("a", [0, 0, 0, 1])], CLASSES)).splitlines()
    assert header.split("  ")[-3:] == ["RGB, per class", "Flow, per class", "Fused, per class"]
    assert len(header) == len(row)


def test_without_labels_the_tables_say_so_and_count_predictions() -> None:
    methods = [make_method("full", [0, 1, 1, 1], truth=(-1, -1, -1, -1))]
    assert not is_labelled(methods)
    table = make_table(methods, CLASSES)
    assert to_markdown(table).startswith(NO_LABELS)
    assert "| full | 1 | 3 |" in to_markdown(table)
    assert to_latex(table).splitlines()[0] == f"% {NO_LABELS}"
    assert "Method & a\\_b & c \\\\" in to_latex(table)
    assert to_text(table).splitlines()[-1].split() == ["full", "1", "3"]
    assert next(csv.DictReader(io.StringIO(to_csv(methods))))["accuracy_fused"] == ""

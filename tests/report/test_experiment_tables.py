"""Tables of the paper: its numbers beside ours, seeds that are missing, variants, and wrong input."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from i2vadapt.cli import main
from i2vadapt.config.documents import load_benchmark
from i2vadapt.config.experiments import Experiment
from i2vadapt.config.methods import load_methods
from i2vadapt.config.published import Published
from i2vadapt.layout import Results
from i2vadapt.report.experiments.outcomes import find_outcome
from i2vadapt.report.experiments.table import ExperimentTable, collect_table, to_csv, to_latex, to_markdown
from i2vadapt.report.experiments.table_figure import table_figure

METHODS = Path(__file__).parents[2] / "workflow" / "methods.yaml"
PUBLISHED = Published(source="tables of a test", accuracy={"full": {"tiny": 77.4}, "cfb": {"other": 1.0}})


def collect(results: Results, *methods: str, seeds: tuple[int, ...] = (0, 1), title: str = "T") -> ExperimentTable:
    experiment = Experiment(title=title, caption="What to see.", methods=methods)
    benchmark = load_benchmark(results.path.parent / "tiny.yaml")
    return collect_table(experiment, load_methods(METHODS), PUBLISHED, [benchmark], seeds, results)


def read_csv(table: ExperimentTable) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(to_csv(table))))


def run(
    results: Results, experiment: dict[str, Any], *options: str, name: str = "mine", seeds: tuple[int, ...] = (0, 1)
) -> int:
    root = results.path.parent
    (root / f"{name}.yaml").write_text(yaml.safe_dump({"title": "T", **experiment}))
    arguments = ["experiment", str(root / f"{name}.yaml"), "--methods", str(METHODS), "--results", str(results.path)]
    benchmark = ["--benchmarks", str(root / "tiny.yaml"), "--seeds", *map(str, seeds)]
    return main([*arguments, *benchmark, "--out", str(root / "out"), *options])


def test_a_row_has_the_papers_number_beside_ours(results: Results) -> None:
    table = collect(results, "so_rgb", "full")
    assert [(row.title, row.cells) for row in table.rows] == [
        ("SO (RGB)", ["–", "50.0 ± 0.0"]),
        ("Full model", ["77.4", "91.7 ± 11.8"]),
    ]
    assert table.note == (
        "Accuracy on the target in per cent, mean ± standard deviation over the seeds 0 and 1."
        " –: none in tables of a test"
    )


def test_cells_tell_what_is_missing_and_titles_what_a_variant_is(results: Results) -> None:
    table = collect(results, "full", "cfb", "full@bank.capacity=20", seeds=(0, 1, 2))
    assert [(row.title, row.cells[1]) for row in table.rows] == [
        ("Full model", "91.7 ± 11.8 (2 of 3 seeds)"),
        ("SO (RGB+flow) + CFB", "not run"),
        ("Full model, bank.capacity = 20", "not run"),
    ]
    first = read_csv(table)[-1]
    assert (first["method"], first["state"], first["seeds"], first["mean"], first["seed0"]) == (
        "full@bank.capacity=20", "not run", "", "", "",
    )  # fmt: skip


def test_a_single_seed_has_no_spread(results: Results) -> None:
    table = collect(results, "full", seeds=(1,))
    assert table.rows[0].cells[1] == "83.3"
    assert "in per cent, seed 1." in table.note


def test_csv_is_in_long_form_with_every_stream_and_seed(results: Results) -> None:
    rows = read_csv(collect(results, "so_rgb", "full", seeds=(0, 1, 5)))
    assert [(row["method"], row["stream"], row["result"], row["paper"]) for row in rows] == [
        ("so_rgb", "rgb", "1", ""),
        ("full", "rgb", "0", ""),
        ("full", "flow", "0", ""),
        ("full", "fused", "1", "0.774000"),
    ]
    last = rows[-1]
    assert (last["benchmark"], last["title"], last["seeds"], last["state"]) == (
        "tiny",
        "Full model",
        "0 1",
        "2 of 3 seeds",
    )
    assert (last["seed0"], last["seed1"], last["seed5"]) == ("1.000000", "0.833333", "")
    assert float(last["mean"]) == pytest.approx((1 + 5 / 6) / 2, abs=1e-6)
    assert float(last["std"]) == pytest.approx(np.std([1, 5 / 6], ddof=1), abs=1e-6)


def test_a_target_without_labels_is_told(unlabelled_results: Results) -> None:
    table = collect(unlabelled_results, "full")
    assert table.rows[0].cells == ["77.4", "no labels"]
    assert [row["mean"] for row in read_csv(table)] == ["", "", ""]
    assert table_figure(table)


def test_a_method_that_must_be_fused_again_counts_as_missing(
    results: Results, caplog: pytest.LogCaptureFixture
) -> None:
    index = results.run("tiny", "flow_bank", 1).scores_index
    lines = index.read_text().splitlines()
    epoch, _, *rest = lines[-1].split(",")
    index.write_text("\n".join([*lines[:-1], ",".join([epoch, "f" * 64, *rest])]) + "\n")
    assert collect(results, "full").rows[0].cells[1] == "100.0 (1 of 2 seeds)"
    assert "left out" in caplog.text
    results.run("tiny", "flow_bank", 1).scores_index.unlink()  # as while it is trained with other settings
    assert collect(results, "full").rows[0].cells[1] == "100.0 (1 of 2 seeds)"


def test_a_method_tested_on_split_1_is_marked(results: Results) -> None:
    for seed in (0, 1):
        file = results.method("tiny", "so_rgb", seed).description
        file.write_text(file.read_text().replace("transductive", "split1"))
    assert [row.title for row in collect(results, "so_rgb", "full").rows] == ["SO (RGB) (split 1)", "Full model"]


def test_markdown_and_latex_escape_and_show_the_same_numbers(results: Results) -> None:
    table = collect(results, "so_rgb", "full@bank.votes=a_b")
    text, tex = to_markdown(table), to_latex(table)
    assert text.splitlines()[:3] == ["# T", "", "What to see."]
    assert "| Method | tiny, paper | tiny, ours |\n| --- | ---: | ---: |\n| SO (RGB) | – | 50.0 ± 0.0 |\n" in text
    assert "Full model, bank.votes = a\\_b & -- & not run \\\\\n" in tex
    assert "SO (RGB) & -- & 50.0$\\pm$0.0 \\\\\n" in tex
    body = tex.splitlines()[2:]
    assert body[0] == r"\begin{tabular}{lrr}"
    assert body[2] == r" & \multicolumn{2}{c}{tiny} \\"
    assert body[3] == r"\cmidrule(lr){2-3}"
    assert body[-2:] == [r"\bottomrule", r"\end{tabular}"]


def test_the_picture_is_about_1000_pixels_wide_and_reproducible(results: Results) -> None:
    table = collect(results, "so_rgb", "cfb", "full", seeds=(0, 1, 2))
    png = table_figure(table)
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert 900 < image.shape[1] < 1100
    assert png == table_figure(collect(results, "so_rgb", "cfb", "full", seeds=(0, 1, 2)))
    assert table_figure(collect(results, "cfb"))  # nothing is trained yet


def test_an_outcome_has_the_accuracy_of_each_stream(results: Results) -> None:
    outcome = find_outcome(results, load_benchmark(results.path.parent / "tiny.yaml"), "full", "Full", (0, 1))
    assert outcome.accuracies().to_dict() == {0: 1.0, 1: pytest.approx(5 / 6)}
    assert outcome.accuracies("rgb").to_dict() == {0: 0.5, 1: 0.5}
    assert outcome.streams == ("rgb", "flow", "fused")


def test_the_command_writes_all_formats_and_prints_the_table(
    results: Results, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(results, {"methods": ["so_rgb", "full"]}) == 0
    out = results.path.parent / "out"
    assert {path.name for path in out.iterdir()} == {f"mine.{suffix}" for suffix in ("csv", "md", "tex", "png")}
    printed = capsys.readouterr().out.splitlines()
    assert printed[-1] == str(out)
    assert "| Full model | – | 91.7 ± 11.8 |" in printed
    before = {path: path.read_bytes() for path in out.iterdir()}
    assert run(results, {"methods": ["so_rgb", "full"]}) == 0
    assert before == {path: path.read_bytes() for path in out.iterdir()}


@pytest.mark.parametrize(
    ("experiment", "seeds", "message"),
    [
        ({"methods": ["cbf"]}, (0,), "mine.yaml: methods: no method 'cbf' in methods.yaml; there are so_img, dann, "),
        ({"methods": ["cfb"]}, (0, 1, 0), "--seeds: 0 must not be listed twice"),
        (
            {"methods": ["cfb"], "features": ["cfb"]},
            (0,),
            "mine.yaml: the document: must have one of methods, sweeps and features, not methods and features",
        ),
        ({"methods": ["cfb"], "colour": "red"}, (0,), "mine.yaml: colour: no such key"),
        ({"features": ["cfb"]}, (0,), "methods/tiny/cfb/seed0/method.yaml: missing: train and fuse the method first"),
    ],
)
def test_wrong_input_is_one_line_and_writes_nothing(
    results: Results,
    experiment: dict[str, Any],
    seeds: tuple[int, ...],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(results, experiment, seeds=seeds) == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "error: " in line]
    assert message in line
    assert not (results.path.parent / "out").exists()

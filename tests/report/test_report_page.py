from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from i2vadapt.cli import main
from i2vadapt.report.html import table
from i2vadapt.report.runs import Method, Predictions, Run
from i2vadapt.report.settings import differences, run_document
from i2vadapt.report.text import duration

EXPECTED = {
    *(f"accuracy.{suffix}" for suffix in ("csv", "md", "tex", "png")),
    *(f"{name}.png" for name in ("confusion", "confusion_so_rgb", "confusion_full", "curves")),
    *(f"{name}.png" for name in ("photographs", "generated", "flow_source", "flow_target")),
    "report.html",
}
VOID = {"meta", "img"}


class Reader(HTMLParser):
    """Checks that elements nest, and collects links and pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def run(results: Path, out: Path) -> int:
    options = ["--benchmark", str(results.parent / "tiny.yaml"), "--results", str(results), "--out", str(out)]
    return main(["report", *options, "--methods", "so_rgb", "full", "--seeds", "0", "1"])


def test_report_writes_everything_and_ends_with_the_path(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report"
    assert run(results, out) == 0
    assert {path.name for path in out.iterdir()} == EXPECTED
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == str(out / "report.html")
    assert lines[2].split()[:5] == ["Full", "model", "50.0", "±", "0.0"]


def test_page_needs_nothing_else_and_escapes_names(results: Path, tmp_path: Path) -> None:
    run(results, tmp_path / "report")
    text = (tmp_path / "report" / "report.html").read_text()
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    assert len(reader.links) > 10
    assert all(link.startswith(("data:image/", "#")) for link in reader.links)
    assert not re.search(r"@import|url\(", text)
    assert "<down>" not in text
    assert "sit <down>" in reader.words
    for words in (
        "91.7 ± 11.8",
        "10 expected: 1 too few",
        "duplicate",
        "10.000 %",
        "1 min 10 s",
        "2023-11-14 22:13 UTC",
    ):
        assert words in reader.words


def test_same_inputs_give_the_same_files(results: Path, tmp_path: Path) -> None:
    for name in ("first", "second"):
        run(results, tmp_path / name)
    for path in (tmp_path / "first").iterdir():
        assert path.read_bytes() == (tmp_path / "second" / path.name).read_bytes(), path.name


def test_report_without_target_labels_says_so(
    unlabelled_results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report"
    assert run(unlabelled_results, out) == 0
    assert {path.name for path in out.iterdir()} == EXPECTED
    assert "no labels" in capsys.readouterr().out
    assert "no labels" in (out / "report.html").read_text()


def test_missing_run_is_one_clear_line(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (results / "runs" / "tiny" / "full" / "seed1" / "metrics.csv").unlink()
    assert run(results, tmp_path / "report") == 1
    assert "full/seed1/metrics.csv" in capsys.readouterr().err
    assert not (tmp_path / "report").exists()


def test_download_of_an_unknown_name(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["download", "resnet", "--out", str(tmp_path / "x")]) == 1
    assert "WHAT: must be one of i3d-kinetics400-rgb, clip-vit-b32, depth, not 'resnet'" in capsys.readouterr().err


def test_differences_compare_whole_sections_with_none() -> None:
    def method(train: dict[str, object]) -> Method:
        return Method("m", (Run(0, Predictions(None, {}), {}, {"train": train}),))  # type: ignore[arg-type]

    first = method({"bank": None, "pace": {"weight": 0.2, "classes": 5}, "epochs": 4})
    second = method({"bank": {"capacity": 60}, "pace": {"weight": 0.5, "classes": 5}, "epochs": 4})
    assert differences([first, second]) == [["bank", "none", "capacity 60"], ["pace.weight", "0.2", "0.5"]]


def test_digests_of_shards_are_drawn_together() -> None:
    document = run_document({"source": {"frames": ["aa", "bb"], "flow": []}, "seed": 3})
    assert re.search(r"frames: 2 shards, digest [0-9a-f]{16}\n", document)
    assert "flow: not used" in document
    assert document != run_document({"source": {"frames": ["aa", "bc"], "flow": []}, "seed": 3})


@pytest.mark.parametrize(
    ("seconds", "words"), [(3.21, "3.2 s"), (59.7, "1 min 00 s"), (200, "3 min 20 s"), (7320, "2 h 02 min")]
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_table_marks_one_cell_a_row() -> None:
    assert table(("a", "b"), [("1", "2"), ("3", "4")], [1, None]).count("class=result") == 1

from __future__ import annotations

import io
import re
from contextlib import redirect_stdout
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tiny_results import write_results

from i2vadapt.cli import main
from i2vadapt.layout import Results
from i2vadapt.report.settings import differences, run_document
from i2vadapt.report.text import duration, plural, shown

EXPECTED = {
    *(f"accuracy.{suffix}" for suffix in ("csv", "md", "tex", "png")),
    *(f"{name}.png" for name in ("confusion", "confusion_so_rgb", "confusion_full", "classes", "curves")),
    *("bank_flow_bank.png", "pace.png"),
    *(f"{name}.png" for name in ("photographs", "generated", "flow_source", "flow_target")),
    *("comparison.csv", "comparison.md", "report.html"),
}
VOID = {"meta", "img"}


class Reader(HTMLParser):
    """Checks that elements nest and ids are unique, and collects ids, links, pictures and words."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def run(results: Results, out: Path, *more: str) -> int:
    benchmark = results.path.parent / "tiny.yaml"
    options = ["--benchmark", str(benchmark), "--results", str(results.path), "--out", str(out)]
    return main(["report", *options, "--methods", "so_rgb", "full", "--seeds", "0", "1", *more])


@dataclass(frozen=True)
class Report:
    """A report, the results that it describes, and the lines that its command printed."""

    results: Results
    folder: Path
    printed: list[str]

    @property
    def page(self) -> str:
        return (self.folder / "report.html").read_text()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The report of a benchmark whose target has labels."""
    root = tmp_path_factory.mktemp("labelled")
    results = write_results(root, labelled=True)
    with redirect_stdout(io.StringIO()) as printed:
        assert run(results, root / "report") == 0
    return Report(results, root / "report", printed.getvalue().splitlines())


def test_report_writes_everything_and_ends_with_the_path(report: Report) -> None:
    assert {path.name for path in report.folder.iterdir()} == EXPECTED
    assert report.printed[-1] == str(report.folder / "report.html")
    assert report.printed[2].split()[:5] == ["Full", "model", "50.0", "±", "0.0"]


def test_page_needs_nothing_else_and_escapes_names(report: Report) -> None:
    text = report.page
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    assert len(reader.links) > 10
    assert all(link.startswith(("data:image/", "#")) for link in reader.links)
    assert {link[1:] for link in reader.links if link.startswith("#")} == set(reader.ids)
    assert len(set(reader.ids)) == len(reader.ids)
    assert not re.search(r"@import|url\(", text)
    assert "<down>" not in text
    assert "sit <down>" in reader.words
    for words in (
        "91.7 ± 11.8",
        "9 items, 10 expected: 1 too few",
        "Mistakes of Full model, seed 0",
        "It makes no mistake",  # with this seed
        "Confusion matrices of the first seed",
        "flow of photographs",
        "duplicate",
        "10.000 %",
        "1 min 10 s",
        "depth: 0/1.png: does not decode",
        "All settings of run flow_bank, seed 0",
        "2023-11-14 22:13 UTC",
    ):
        assert words in reader.words


def test_page_marks_results_and_lists_each_run_once_and_their_differences(report: Report) -> None:
    text = report.page
    assert text.count('<td class="result">') == 2
    assert '<td>50.0 ± 0.0</td><td>91.7 ± 11.8</td><td class="result">91.7 ± 11.8</td>' in text
    assert text.count("All settings of run rgb") == 1
    assert "<td>Full model</td><td>rgb, flow_bank</td>" in text
    assert "<th>setting</th><th>rgb</th><th>flow_bank</th>" in text
    assert "<td>bank</td><td>none</td><td>partner rgb, capacity 60, warmup_epochs 2</td>" in text


def test_names_that_are_not_text_do_not_break_the_page(results: Results, tmp_path: Path) -> None:
    path = results.dataset("photographs").excluded
    path.write_bytes(path.read_bytes().replace(b"duplicate of c.jpg", b"caf\xe9 \x01 <b>"))
    assert run(results, tmp_path / "report") == 0
    assert "<td>caf\ufffd \ufffd &lt;b&gt;</td>" in (tmp_path / "report" / "report.html").read_text()


def test_same_inputs_give_the_same_files(report: Report, tmp_path: Path) -> None:
    run(report.results, tmp_path / "again")
    for path in report.folder.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes(), path.name


def test_report_without_target_labels_says_so(
    unlabelled_results: Results, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report"
    assert run(unlabelled_results, out) == 0
    assert {path.name for path in out.iterdir()} == EXPECTED
    assert "no labels" in capsys.readouterr().out
    page = (out / "report.html").read_text()
    assert "no labels" in page
    assert "Videos of Full model, seed 0" in page
    assert "run: the surest and the least sure of 2 videos" in page


def test_every_figure_says_what_is_good_and_what_is_bad(report: Report) -> None:
    sections = dict(re.findall(r'<section id="(\w+)">(.*?)</section>', report.page, re.DOTALL))
    good, bad = (
        {name: text.count(f'<b class="{sign}">') for name, text in sections.items()} for sign in ("good", "bad")
    )
    assert good == bad
    assert good["data"] == 4  # contact sheets
    assert {name for name, text in sections.items() if "<img" in text} <= {
        name for name, count in good.items() if count
    }


def test_methods_whose_features_are_drawn_must_be_in_the_table(
    results: Results, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(results, tmp_path / "report", "--features", "cfb") == 1
    assert "--features: cfb must be among the methods so_rgb, full" in capsys.readouterr().err
    assert run(results, tmp_path / "report", "--features", "full") == 1
    assert "seed0-videos.h5: missing: the command features makes it" in capsys.readouterr().err


def test_missing_run_is_one_clear_line(results: Results, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results.run("tiny", "flow_bank", 1).metrics.unlink()
    assert run(results, tmp_path / "report") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "runs/tiny/flow_bank/seed1/metrics.csv: cannot be read" in line
    assert not (tmp_path / "report").exists()


def test_download_of_an_unknown_name(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["download", "resnet", "--out", str(tmp_path / "x")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "WHAT: must be one of i3d-kinetics400-rgb, clip-vit-b32, mvit_v2_s, " in line
    assert line.endswith("depth, not 'resnet'")


def test_missing_scores_of_an_epoch_are_one_clear_line(
    results: Results, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results.run("tiny", "rgb", 1).scores(2).unlink()
    assert run(results, tmp_path / "report") == 1
    assert "rgb/seed1/scores/0002.safetensors: no such scores" in capsys.readouterr().err


def test_differences_compare_whole_sections_with_none() -> None:
    first = {"bank": None, "pace": {"weight": 0.2, "classes": 5}, "epochs": 4}
    second = {"bank": {"capacity": 60}, "pace": {"weight": 0.5, "classes": 5}, "epochs": 4}
    assert differences([first, second]) == [["bank", "none", "capacity 60"], ["pace.weight", "0.2", "0.5"]]


def test_settings_that_only_some_recipes_have_are_compared_among_those() -> None:
    documents = [{"recipe": "frames"}, {"recipe": "video", "weight": 1, "crops": "shared"}]
    third = {"recipe": "video", "weight": 2, "crops": "shared"}
    assert differences([*documents, third]) == [["recipe", "frames", "video", "video"], ["weight", "", "1", "2"]]


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


def test_numbers_agree_with_their_nouns_and_names_are_printable() -> None:
    assert (plural(1, "video"), plural(0, "video")) == ("1 video", "0 videos")
    assert shown("caf\udce9\x1b") == "caf\ufffd\ufffd"
    assert shown("caf\udcc3\udca9") == "café"

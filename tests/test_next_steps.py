"""Messages about mistakes end with the next step: the name that was meant, or the command that makes a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_results import write_results

from i2vadapt.cli import main
from i2vadapt.files.absent import advice
from i2vadapt.layout import Results, RunFolder

ROOT = Path(__file__).parents[1]
EXPERIMENT = [
    *("experiment", ROOT / "workflow" / "experiments" / "table2.yaml"),
    *("--methods", ROOT / "workflow" / "methods.yaml"),
    *("--benchmarks", ROOT / "workflow" / "benchmarks" / "demo.yaml"),
]
SETTINGS = """
train: {epohcs: 3}
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Results with runs rgb and flow_bank, methods so_rgb and full, seeds 0 and 1, without checkpoints."""
    return write_results(tmp_path_factory.mktemp("project"), labelled=True)


def error_of(capfd: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """The only line on standard error of a command that fails, without its beginning."""
    assert main([str(part) for part in arguments]) == 1
    (line,) = [line for line in capfd.readouterr().err.splitlines() if "i2vadapt: error: " in line]
    return line.removeprefix("i2vadapt: error: ")


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ("datasets/photographs/items/0009.csv", ["`snakemake datasets`", "i2vadapt manifest"]),
        (
            "datasets/photograph/manifest.csv",
            ["the nearest: {}/datasets/photographs/manifest.csv", "`snakemake datasets`"],
        ),
        (
            "datasets/photographs/flow/0009.h5",
            ["the nearest: {}/datasets/photographs/flow/000", "`snakemake datasets`"],
        ),
        ("runs/tiny/rgb/settings.yaml", ["the nearest: {}/runs/tiny/rgb/seed0/settings.yaml", "`i2vadapt status`"]),
        ("runs/tiny/rbg/seed0/scores.csv", ["the nearest: {}/runs/tiny/rgb/seed0/scores.csv", "once it is trained"]),
        (
            "methods/tiny/ful/seed0/method.yaml",
            ["the nearest: {}/methods/tiny/full/seed0/method.yaml", "runs are trained"],
        ),
    ],
)
def test_a_missing_file_of_the_results_has_a_near_name_and_a_command(
    results: Results, missing: str, expected: list[str]
) -> None:
    found = advice(results.path / missing)
    for part in expected:
        assert part.format(results.path) in found
    assert found.startswith("; ")


def test_nothing_is_said_where_nothing_is_known(tmp_path: Path) -> None:
    assert advice(tmp_path / "a.yaml") == ""
    assert advice(tmp_path / "x" / "y" / "a.txt") == ""
    assert advice(Path("/no such folder anywhere/a.txt")) == ""


def test_commands_say_what_to_do_about_what_is_missing(
    results: Results, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    datasets, method = results.path / "datasets", results.method("tiny", "full", 0).path
    out = tmp_path / "out"
    settings = ["--settings", '{"backend": "opencv"}']
    cases: list[tuple[list[str | Path], str]] = [
        (["decode", "--items", datasets / "videos" / "items" / "07.csv", "--out", out], "`snakemake datasets`"),
        (
            ["flow", "--frames", datasets / "videos" / "frames" / "07.h5", "--out", out, *settings],
            "`snakemake datasets`",
        ),
        (["flow", "--frames", datasets / "videos", "--out", out, *settings], "name one of its shards, e.g. "),
        (["fuse", "--runs", results.path / "runs/tiny/rbg/seed0", "--title", "x", "--out", out], "runs/tiny/rgb/seed0"),
        (["evaluate", method.parent, "--target", datasets / "videos", "--out", out], f"the nearest: {method}"),
        (["predict", str(method).replace("full", "ful"), "a.mp4"], f"the nearest: {method}"),
        (["predict", results.run("tiny", "rgb", 0).path, "a.mp4"], "is not trained yet; `i2vadapt status`"),
        (["manifest", "--benchmark", tmp_path / "my.yaml", "--side", "source", "--out", out], "`i2vadapt init PHOTOS"),
        (["verify", tmp_path], "name the folder of the results, or make them first"),
        (["clear", tmp_path / "none"], "name the folder of the results"),
        ([*EXPERIMENT, "--results", tmp_path / "none", "--out", out], "name the folder of the results"),
        (
            ["demo", "--out", ROOT / "config.yaml", "--photographs", "1", "--videos", "1"],
            "is a file, but a folder is to",
        ),
    ]
    for arguments, step in cases:
        line = error_of(capfd, *arguments)
        assert step in line, line
        assert "Traceback" not in line
    assert not out.exists()


def test_a_key_that_does_not_exist_has_the_nearest(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    workflow = ["--workflow", str(ROOT / "workflow")]
    for text, expected in (
        ("benchmark: [demo]", "benchmark: no such key; the nearest: benchmarks"),
        (f"benchmarks: [demo]\nsettings: {{{SETTINGS.strip()}}}", "train.epohcs: no such key; the nearest: epochs"),
        ("benchmarks: [demo]\nqqqqq: 1", "qqqqq: no such key"),
    ):
        (tmp_path / "config.yaml").write_text(text)
        assert error_of(capfd, "plan", "--config", tmp_path / "config.yaml", *workflow).endswith(expected)
    arguments = ["depth", "a.jpg", "--out", "maps", "--settings", '{"modl": "dpt_small"}']
    assert error_of(capfd, *arguments) == "--settings: modl: no such key; the nearest: model"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["status", "--seeds", "x"], "argument --seeds: must be a whole number, not 'x'"),
        (["predict", "m", "a.mp4", "--top", "0"], "argument --top: must be 1 or more, not 0"),
        (["flow", "--out", "x", "--workers", "-1"], "argument --workers: must be 0 or more, not -1"),
        (["flow", "--out", "x", "--max-failed-share", "a"], "must be a number between 0 and 1, not 'a'"),
        (["view", "x.h5", "--fps", "a"], "argument --fps: must be a number, not 'a'"),
        (["predict", "m", "a.mp4", "--sliding", "a"], "argument --sliding: must be a number of seconds, not 'a'"),
    ],
)
def test_numbers_out_of_range_or_no_numbers(
    capfd: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert message in capfd.readouterr().err.splitlines()[-1]


def test_a_run_without_a_checkpoint_is_not_called_a_method(results: Results) -> None:
    assert not RunFolder(results.run("tiny", "rgb", 0).path).checkpoint.exists()
    assert "once it is trained" in advice(results.run("tiny", "rgb", 0).checkpoint)

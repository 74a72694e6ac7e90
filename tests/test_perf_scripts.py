"""The scripts behind the numbers in docs/ follow the package: each of them imports, and explains itself."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import torch

SCRIPTS = sorted((Path(__file__).parents[1] / "perf").glob("*.py"))
GPU = Path(__file__).parents[1] / "perf" / "gpu.py"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_imports_what_exists(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(script.parent))
    monkeypatch.setattr(sys, "argv", [str(script), "--help"])
    names = runpy.run_path(str(script), run_name=script.stem)
    assert names["__doc__"]


def run_gpu_script(*options: str) -> str:
    run = subprocess.run([sys.executable, str(GPU), *options], capture_output=True, text=True, timeout=900)
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_nothing_is_measured_and_one_line_says_so() -> None:
    (line,) = run_gpu_script().splitlines()
    assert line.startswith("no NVIDIA GPU: ")


def test_a_failed_measurement_is_a_row_and_the_next_one_is_made(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(GPU.parent))
    table = runpy.run_path(str(GPU.with_name("gpu_table.py")))["Table"]("flow", True, True)
    with table.attempt("first"):
        raise RuntimeError("out of\nmemory")
    table.row("second", 2.5, "pairs", "1.0 x")
    assert capsys.readouterr().out.splitlines() == [
        "| flow | first |  |  | failed: RuntimeError: out of memory |",
        "| flow | second | 2.5 | pairs | 1.0 x |",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("section", ["training", "depth", "loader", "tvl1", "stage", "profile"])
def test_every_section_of_the_gpu_table_runs_on_tiny_sizes(section: str) -> None:
    table = run_gpu_script("--tiny", "--patience", "10", "--only", section)
    rows = [line for line in table.splitlines() if line.startswith(section)]
    assert len(rows) > 1
    assert "failed: " not in table
    assert "the rest" not in table

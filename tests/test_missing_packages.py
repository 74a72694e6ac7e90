"""A command needs no package that only others use, and says in one line which one it lacks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

WITHOUT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in MISSING:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

MISSING = set(sys.argv[1].split(","))
sys.meta_path.insert(0, Missing())
"""
HELP = """
from i2vadapt.cli import build_parser

parser = build_parser()
for name in next(action for action in parser._actions if action.dest == "command").choices:
    try:
        parser.parse_args([name, "--help"])
    except SystemExit as end:
        assert end.code == 0
for name in sys.argv[2:]:
    __import__(name)
"""
RUN = """
from i2vadapt.cli import main

sys.exit(main(sys.argv[2:]))
"""
STAGES = {
    "av,timm,open_clip,numba_cuda,snakemake,transformers": [
        *("data.manifest", "synthesis.stage", "flow.stage", "pipeline.verify.dataset", "report.make"),
        *("training.loop", "recipes.video", "recipes.frames", "models.i3d_weights"),
        *("inference.classifier", "inference.evaluate", "inference.method"),
    ],
    "av": ["depth.stage", "depth.plain", "depth.train_small", "demo"],
    "timm,torchvision,open_clip,tensorboard,sklearn": ["data.decode", "flow.plain"],
}
"""Modules of commands, by what may be missing where they run."""


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT + code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("missing", STAGES)
def test_help_and_stages_do_without_packages_that_they_do_not_use(missing: str) -> None:
    run = python(HELP, missing, *(f"i2vadapt.{name}" for name in STAGES[missing]))
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize(
    ("module", "package", "arguments"),
    [
        ("av", "av", ["decode", "--items", "items.csv", "--out", "out.h5"]),
        ("timm", "timm", ["depth", "--items", "items.csv", "--out", "out.h5"]),
        (
            "sklearn",
            "scikit-learn",
            ["report", "--benchmark", "demo.yaml", "--results", ".", "--methods", "cfb", "--out", "page"],
        ),
    ],
)
def test_a_missing_package_is_one_line(module: str, package: str, arguments: list[str]) -> None:
    run = python(RUN, module, *arguments)
    assert run.returncode == 1
    assert run.stderr.splitlines() == [f"i2vadapt: error: {arguments[0]}: {needs(package)}"]


def needs(package: str) -> str:
    where = f"needs the package {package}, which is not installed for {sys.executable}"
    return f"{where}: run make setup and use .venv, or pip install {package}"


@pytest.mark.parametrize(("module", "package"), [("pydantic", "pydantic"), ("yaml", "pyyaml")])
@pytest.mark.parametrize("arguments", [["--help"], ["plan"], ["depth", "photo.jpg", "--out", "maps"]])
def test_what_every_command_needs_is_one_line_too(module: str, package: str, arguments: list[str]) -> None:
    run = python(RUN, module, *arguments)
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.splitlines() == [f"i2vadapt: error: {needs(package)}"]


def test_a_package_that_cannot_be_loaded_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "av.py").write_text("raise ImportError('libav.so: cannot open shared object file', name='av')")
    code = f"sys.path.insert(0, {str(tmp_path)!r})\n{RUN}"
    run = python(code, "nothing", "decode", "--items", "items.csv", "--out", "out.h5")
    assert run.returncode == 1
    (line,) = run.stderr.splitlines()
    assert f"av, which {sys.executable} can't load (libav.so: cannot open shared object file): run make setup" in line


def test_an_old_python_is_one_line() -> None:
    run = python("sys.version_info = (3, 10, 13)\n" + RUN, "nothing", "--help")
    assert run.returncode == 1
    expected = f"needs Python 3.11 or newer, {sys.executable} is 3.10: run make setup and .venv/bin/i2vadapt"
    assert run.stderr.splitlines() == [f"i2vadapt: error: {expected}"]


def test_a_mistake_of_ours_keeps_its_traceback() -> None:
    code = "sys.modules['i2vadapt.commands.tools'] = None\n" + RUN
    assert "Traceback" in python(code, "nothing", "--help").stderr

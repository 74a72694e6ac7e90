"""The workflow is started as `.venv/bin/snakemake`, from an environment that was not activated."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from small_project import Project

BARE = "/usr/bin:/bin"
WITHOUT_PYDANTIC = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.startswith("i2vadapt.config"):  # Snakemake may have a pydantic of its own
            raise ModuleNotFoundError("No module named 'pydantic'", name="pydantic")

sys.meta_path.insert(0, Missing())
"""


def snakemake(project: Project, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the program beside the interpreter, with nothing else of the environment than the home folder."""
    program = str(Path(sys.executable).parent / "snakemake")
    return subprocess.run(
        [program, "--cores", "2", "--nocolor", *arguments],
        cwd=project.folder,
        env={"HOME": os.environ["HOME"], **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
    )


@pytest.mark.parametrize(
    "environment",
    [{"PATH": BARE}, {"PATH": BARE, "PYTHONPATH": "/no/such/folder"}, {}],
    ids=["path", "pythonpath", "bare"],
)
def test_jobs_find_the_python_of_snakemake(fresh: Project, environment: dict[str, str]) -> None:
    table, shard = "results/datasets/my-videos/manifest.csv", "results/datasets/my-videos/frames/0000.h5"
    plan = snakemake(fresh, environment, "-n", table, shard)
    assert plan.returncode == 0, plan.stdout
    run = snakemake(fresh, environment, table, shard)
    assert run.returncode == 0, run.stdout
    assert (fresh.folder / shard).exists()


def test_an_interpreter_without_our_packages_is_told_what_to_install(fresh: Project, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_PYDANTIC)
    run = snakemake(fresh, {"PATH": BARE, "PYTHONPATH": str(tmp_path)}, "-n")
    assert run.returncode == 1
    assert "Traceback" not in run.stdout
    (line,) = [line for line in run.stdout.splitlines() if "pydantic" in line]
    assert line.startswith("needs the package pydantic, which is not installed for ")
    assert line.endswith(": run make setup and use .venv, or pip install pydantic")

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from i2vadapt.pipeline.interpreter import put_interpreter_on_path

FOLDER = str(Path(sys.executable).parent)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/usr/bin:/bin", f"{FOLDER}:/usr/bin:/bin"),
        (f"/usr/bin:{FOLDER}", f"/usr/bin:{FOLDER}"),  # activated; what comes before it was put there on purpose
    ],
)
def test_the_python_of_the_jobs_is_that_of_snakemake(path: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", path)
    put_interpreter_on_path()
    assert os.environ["PATH"] == expected


def test_without_any_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PATH")
    put_interpreter_on_path()
    assert shutil.which("python") == f"{FOLDER}/python"
    assert shutil.which("sh") is not None

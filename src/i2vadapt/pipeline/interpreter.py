"""The Python of the jobs, which call `python`."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def put_interpreter_on_path() -> None:
    """Lets `.venv/bin/snakemake` run without activating its environment, whose `python` is then not on the path.

    An environment that is on the path, or that a job activates, keeps its place.
    """
    folder = str(Path(sys.executable).parent)
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    if folder not in folders:
        os.environ["PATH"] = os.pathsep.join([folder, *folders])

"""The Python that runs commands and jobs, which call `python`, and what it lacks."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from i2vadapt.errors import cause

_OLDEST = (3, 11)
_PACKAGES = {
    "cv2": "opencv-contrib-python-headless",
    "open_clip": "open_clip_torch",
    "PIL": "pillow",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
"""Packages by the modules that they install, where the names differ."""


def too_old() -> str:
    """Why this interpreter can't run the package; empty if it can."""
    if sys.version_info >= _OLDEST:
        return ""
    found, needed = (".".join(map(str, version[:2])) for version in (sys.version_info, _OLDEST))
    return f"needs Python {needed} or newer, {sys.executable} is {found}: run make setup and .venv/bin/i2vadapt"


def what_is_missing(error: ImportError) -> str:
    """Which package an import has not found, or could not load, and what installs it; empty for a module of ours."""
    module = (error.name or "").partition(".")[0]
    if module in ("", "i2vadapt"):
        return ""
    package = _PACKAGES.get(module, module)
    remedy = f"run make setup and use .venv, or pip install {package}"
    if isinstance(error, ModuleNotFoundError):
        return f"needs the package {package}, which is not installed for {sys.executable}: {remedy}"
    return f"needs the package {package}, which {sys.executable} can't load ({cause(error)}): {remedy}"


def put_interpreter_on_path() -> None:
    """Lets `.venv/bin/snakemake` run without activating its environment, whose `python` is then not on the path.

    An environment that is on the path, or that a job activates, keeps its place.
    """
    folder = str(Path(sys.executable).parent)
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    if folder not in folders:
        os.environ["PATH"] = os.pathsep.join([folder, *folders])

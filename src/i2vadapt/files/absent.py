"""What to do about a file that is not there: the name that may be meant, and the command that makes the file."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from i2vadapt.layout import SHARD_SUFFIX, MethodFolder, RunFolder

_RUN = RunFolder(Path())
_RUN_FILES = {file.name for file in (_RUN.checkpoint, _RUN.settings, _RUN.scores_index, _RUN.metrics)}
_DATASETS = "`snakemake datasets` makes the datasets of a configuration"
_STATUS = "`i2vadapt status` lists what is done and what is missing"
_NEAREST = 3


def advice(path: Path) -> str:
    """What comes after "no such file" in a message, from "; " on; empty if nothing is known.

    Args:
        path: a path that does not exist, or a folder where a file is needed.
    """
    return "".join(f"; {part}" for part in (_meant(path), _made_by(path)) if part)


def _meant(path: Path) -> str:
    """Paths nearby that may be meant: of a similar name, or a file of that name one folder below."""
    missing = path
    while missing.parent != missing and not missing.parent.is_dir():
        missing = missing.parent
    found = sorted(path.parent.glob(f"*/{path.name}"))[:_NEAREST] if missing == path else []
    if not found:
        try:
            stems = {Path(name).stem: name for name in os.listdir(missing.parent)}
        except OSError:
            return ""
        # Stems alone are compared: of short names, a common suffix would be the larger part.
        near = [missing.parent / stems[stem] for stem in difflib.get_close_matches(missing.stem, stems, _NEAREST)]
        rest = path.relative_to(missing)
        found = [name / rest if (name / rest).exists() else name for name in near if name != missing]
    return f"the nearest: {', '.join(map(str, found))}" if found else ""


def _made_by(path: Path) -> str:
    if path.name == "manifest.csv" or path.parent.name == "items":
        return f"{_DATASETS}, `i2vadapt manifest` one of them"
    if path.suffix == SHARD_SUFFIX:
        return _DATASETS
    if path.name in _RUN_FILES:
        return f"a run has it once it is trained: {_STATUS}"
    if path.name == MethodFolder(Path()).description.name:
        return f"a method has it once its runs are trained: {_STATUS}"
    return ""

"""A benchmark of photographs, whose videos need not exist."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml


def write_photograph_benchmark(root: Path, name: str, classes: Sequence[str]) -> Path:
    """Writes the benchmark file `<name>.yaml` of the photographs in `<root>/photos/<class>`."""
    document = {
        "name": name,
        "source": {"dataset": "photos", "root": str(root / "photos")},
        "target": {"dataset": "videos", "root": str(root / "videos")},
        "classes": {one: {"source": [one], "target": [one]} for one in classes},
    }
    path = root / f"{name}.yaml"
    path.write_text(yaml.safe_dump(document))
    return path

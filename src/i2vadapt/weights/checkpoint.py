"""Checkpoints of this package: written atomically, read without unpickling code."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch

from i2vadapt.errors import UserError
from i2vadapt.files.atomic import write_atomically
from i2vadapt.weights.files import CHECKPOINT, load_content
from i2vadapt.weights.reading import check_finite

FORMAT = 2
_TWO_STREAMS = 1


def save(path: Path, content: dict[str, Any]) -> None:
    """Saves tensors and plain data atomically."""
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, **content}, buffer)
    write_atomically(path, buffer.getvalue())


def load(path: Path) -> dict[str, Any]:
    """Reads a checkpoint of this package.

    Raises:
        UserError: if it is missing, damaged, or something else, or a weight is not finite.
    """
    content = load_content(path, CHECKPOINT)
    if not isinstance(content, dict):
        content = {}
    found = content.get("format")
    if found == _TWO_STREAMS:
        raise UserError(
            f"{path}: a checkpoint of i2vadapt 0.1, which trained both streams in one run: delete its folder and train"
            " again, now in one run for each stream"
        )
    if found != FORMAT:
        raise UserError(f"{path}: not a checkpoint of i2vadapt, or of another format than {FORMAT}")
    if isinstance(content.get("model"), dict):
        check_finite(path, content["model"])
    return content

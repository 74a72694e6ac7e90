"""Checking that a shard still contains what was written: consistent tables, and the recorded digest of the content."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np

from i2vadapt.data.shards.format import FAILURES, TABLES, content_digest, open_shard
from i2vadapt.errors import UserError

_PIECE = 1 << 24  # bytes read at a time


def content_problems(path: Path) -> list[str]:
    """Lists what is wrong with a shard's tables and bytes; reads every byte, but decodes no frame.

    Raises:
        UserError: if the shard can't be opened.
    """
    with contextlib.closing(open_shard(path)) as file:
        try:
            return _table_problems(file) or _digest_problems(file)
        except (OSError, KeyError, ValueError, RuntimeError) as error:
            return [f"cannot be read ({' '.join(str(error).split())[:200]})"]


def is_intact(path: Path) -> bool:
    """Whether a shard opens and nothing is wrong with its tables and bytes."""
    try:
        return not content_problems(path)
    except UserError:
        return False


def _table_problems(file: Any) -> list[str]:
    offsets = file["offsets"][:].astype(np.int64)
    counts, first = file["items/count"][:].astype(np.int64), file["items/first"][:]
    size = file["bytes"].shape[0]
    problems = []
    if len(offsets) == 0 or offsets[0] != 0 or offsets[-1] != size or (np.diff(offsets) < 0).any():
        problems.append(f"offsets do not increase from 0 to its {size} bytes")
    if (counts < 0).any() or counts.sum() != len(offsets) - 1 or not np.array_equal(first, np.cumsum(counts) - counts):
        problems.append(f"item table lists {counts.sum()} frames, but there are {len(offsets) - 1}")
    return problems


def _digest_problems(file: Any) -> list[str]:
    data = file["bytes"]
    pieces = (data[start : start + _PIECE] for start in range(0, data.shape[0], _PIECE))
    tables = {name: file[name][:] for name in (*TABLES, *FAILURES)}
    same = content_digest(pieces, tables) == file.attrs["digest"].decode()
    return [] if same else ["content differs from what was written: wrong digest"]

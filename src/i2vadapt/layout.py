"""Every path below the results folder."""

from __future__ import annotations


def shard_name(index: int) -> str:
    """Name of a shard's files, without suffix."""
    return f"{index:04d}"

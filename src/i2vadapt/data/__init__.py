"""Items and manifests, shards, and decoding of images and videos.

`ShardReader` is imported on first use: the workflow reads item tables in an environment without HDF5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from i2vadapt.data.shards.reader import ShardReader

__all__ = ["ShardReader"]


def __getattr__(name: str) -> Any:
    if name == "ShardReader":
        from i2vadapt.data.shards.reader import ShardReader

        return ShardReader
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

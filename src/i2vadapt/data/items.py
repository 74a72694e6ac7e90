"""Items (one image or one video each), the tables that list them, and the assignment of items to shards."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from i2vadapt.errors import StageError, UserError
from i2vadapt.files.digests import file_digest
from i2vadapt.files.tables import read_table, write_table

UNLABELLED = -1


@dataclass(frozen=True, order=True)
class Item:
    """One image or video of a dataset.

    Attributes:
        id: path below the dataset's root, with forward slashes; bytes that are not UTF-8 are kept as surrogates.
        path: path of the file.
        class_name: class of the benchmark; empty if the item has no label.
        label: index of the class; -1 if the item has no label.
        digest: SHA-256 of the file.
    """

    id: str
    path: str
    class_name: str
    label: int
    digest: str


def shard_of(item_id: str, shards: int) -> int:
    """Shard of an item, from a stable hash of its id, so adding an item never moves another one."""
    return int.from_bytes(hashlib.sha256(os.fsencode(item_id)).digest()[:8], "big") % shards


def item_seed(seed: int, stage: str, item_id: str) -> list[int]:
    """Seed for `numpy.random.default_rng` that depends on the item alone, not on its shard, the order or restarts."""
    digest = hashlib.sha256(f"{seed}\0{stage}\0".encode() + os.fsencode(item_id)).digest()
    return [int.from_bytes(digest[start : start + 4], "big") for start in range(0, 16, 4)]


def check_unchanged(item: Item) -> None:
    """Refuses a file that has changed since the manifest was made: its shard would record the digest of other content.

    An item without a digest (a plain file that belongs to no manifest) is accepted as it is.

    Raises:
        StageError: if the content has changed.
        OSError: if the file can't be read.
    """
    if item.digest and file_digest(Path(item.path)) != item.digest:
        raise StageError(
            f"{item.path}: has changed since the manifest was made; run the stage manifest again"
            " (snakemake --forcerun manifest_<dataset>)"
        )


ITEM_COLUMNS = ("id", "path", "class", "label", "digest")


def write_items(path: Path, items: Iterable[Item]) -> None:
    """Writes a table of items (manifest.csv, items/<shard>.csv)."""
    rows = ({**asdict(item), "class": item.class_name} for item in items)
    write_table(path, ITEM_COLUMNS, ({key: row[key] for key in ITEM_COLUMNS} for row in rows))


def read_items(path: Path) -> list[Item]:
    """Reads a table of items.

    Raises:
        UserError: if the table is missing or malformed.
    """
    items = []
    for number, row in enumerate(read_table(path, ITEM_COLUMNS), start=2):
        try:
            items.append(Item(row["id"], row["path"], row["class"], int(row["label"]), row["digest"]))
        except (TypeError, ValueError):
            raise UserError(f"{path}: line {number}: label must be a whole number, not {row['label']!r}") from None
    return items


def digest_items(items: Iterable[Item]) -> str:
    """Digest of the items of a shard: their ids, labels and contents, but not the paths of their files."""
    state = hashlib.sha256()
    for item in items:
        for value in (item.id, str(item.label), item.digest):
            state.update(os.fsencode(value) + b"\0")
    return state.hexdigest()

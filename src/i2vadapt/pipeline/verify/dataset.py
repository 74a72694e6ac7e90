"""Checks of a dataset as a whole: shards against the manifest, each other, and the versions of the stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from i2vadapt import stages
from i2vadapt.data.items import Item, digest_items, read_items, shard_of
from i2vadapt.data.shards.reader import ShardReader
from i2vadapt.errors import UserError
from i2vadapt.layout import SHARD_SUFFIX, DatasetFolder, shard_name


@dataclass(frozen=True)
class Problem:
    """Something wrong, and what `snakemake --forcerun` is given to have it redone."""

    path: Path
    what: str
    redo: str


def shard_paths(folder: DatasetFolder) -> list[Path]:
    """The shards that a dataset should have: of every kind that was begun, one for each table of items."""
    names = [table.stem for table in folder.item_tables()]
    return [folder.shard(kind, name) for kind in stages.KINDS if (folder.path / kind).is_dir() for name in names]


def dataset_problems(folder: DatasetFolder) -> list[Problem]:
    """Compares manifest, tables of items and the provenance of all shards that open; reads no frame."""
    problems = _manifest_problems(folder)
    for table in folder.item_tables():
        items = _items(table)
        if items is not None:
            problems += _chain_problems(folder, table.stem, items)
    known = set(shard_paths(folder))
    for kind in stages.KINDS:
        found = sorted((folder.path / kind).glob(f"*{SHARD_SUFFIX}"))
        problems += _settings_problems(found)
        problems += _leftovers(folder.path / kind)
        for path in found:
            if path not in known:
                problems.append(Problem(path, "there is no table of items for it", _manifest_rule(folder)))
    return problems


def _items(table: Path) -> list[Item] | None:
    try:
        return read_items(table)
    except UserError:
        return None


def _manifest_rule(folder: DatasetFolder) -> str:
    return f"{stages.MANIFEST.name}_{folder.path.name}"


def _manifest_problems(folder: DatasetFolder) -> list[Problem]:
    redo, tables = _manifest_rule(folder), folder.item_tables()
    problems, listed = [], []
    for index, table in enumerate(tables):
        try:
            items = read_items(table)
        except UserError as error:
            return [Problem(table, str(error).removeprefix(f"{table}: "), redo)]
        if table.stem != shard_name(index):
            return [Problem(folder.items(shard_name(index)), "is missing", redo)]
        if any(shard_of(item.id, len(tables)) != index for item in items):
            problems.append(Problem(table, "holds items of another shard", redo))
        listed += items
    manifest = folder.manifest
    try:
        if sorted(listed) != sorted(read_items(manifest)):
            problems.append(Problem(manifest, "is not the sum of the tables in items/", redo))
    except UserError as error:
        problems.append(Problem(manifest, str(error).removeprefix(f"{manifest}: "), redo))
    return problems


def _chain_problems(folder: DatasetFolder, name: str, items: Sequence[Item]) -> list[Problem]:
    """Of one shard number: shards of all kinds, each made from what is there now."""
    problems = []
    before: dict[str, ShardReader | None] = {}
    for kind in stages.KINDS:
        path = folder.shard(kind, name)
        reader = _reader(path)
        if reader is not None:
            problems += [Problem(path, what, str(path)) for what in _provenance_problems(reader, items, before)]
        before[kind] = reader
    return problems


def _reader(path: Path) -> ShardReader | None:
    try:
        return ShardReader(path)
    except UserError:
        return None  # the check of the shard itself reports it


def _provenance_problems(
    reader: ShardReader, items: Sequence[Item], others: Mapping[str, ShardReader | None]
) -> list[str]:
    made_by, inputs = reader.provenance.get("stage"), reader.provenance.get("inputs", {})
    stage = stages.by_name(str(made_by))
    if stage is None:
        return [f"made by an unknown stage {made_by!r}"]
    problems = []
    version = reader.provenance.get("stage_version")
    if version != stage.version:
        problems.append(f"made by version {version} of stage {stage.name}, the package has {stage.version}")
    if "items" in inputs and inputs["items"] != digest_items(items):
        problems.append("made from other items or contents than the manifest lists")
    for kind, other in others.items():
        if kind in inputs and other is not None and inputs[kind] != other.digest:
            problems.append(f"made from other {kind} than {other.path}")
    before = others.get(stage.reads) if stage.reads else None
    if stage.reads is None or before is not None:
        wanted = set(before.ids) if before is not None else {item.id for item in items}
        problems += _item_problems(reader, wanted)
    labels = {item.id: item.label for item in items}
    if any(labels.get(key) != label for key, label in zip(reader.ids, reader.labels.tolist(), strict=True)):
        problems.append("labels differ from the manifest's")
    if stage.kind == "flow" and before is not None and not problems:
        counts = {key: int(count) - 1 for key, count in zip(before.ids, before.counts, strict=True)}
        if any(counts[key] != count for key, count in zip(reader.ids, reader.counts.tolist(), strict=True)):
            problems.append("an item has not one flow less than frames")
    return problems


def _item_problems(reader: ShardReader, wanted: set[str]) -> list[str]:
    """Items that a shard lacks, or has beyond those that it should have; failed ones are recorded in it."""
    found = {*reader.ids, *(failure.id for failure in reader.failures)}
    missing, unexpected = len(wanted - found), len(found - wanted)
    if not (missing or unexpected):
        return []
    return [f"{missing} {'item is' if missing == 1 else 'items are'} missing, {unexpected} unexpected"]


def _settings_problems(paths: Sequence[Path]) -> list[Problem]:
    """All shards of a kind are made with the same settings."""
    readers = [reader for reader in map(_reader, paths) if reader is not None]
    first = readers[0] if readers else None
    return [
        Problem(reader.path, f"made with other settings than {first.path.name}", str(reader.path))
        for reader in readers
        if first is not None and reader.provenance.get("settings") != first.provenance.get("settings")
    ]


def _leftovers(folder: Path) -> list[Problem]:
    problems = []
    for path in sorted(folder.glob("*.partial")):
        out = path.with_suffix("")
        what = "batches of a finished shard are left" if out.exists() else "was interrupted, or is being made"
        problems.append(Problem(path, what, str(out)))
    return problems

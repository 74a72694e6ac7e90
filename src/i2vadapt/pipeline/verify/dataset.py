"""Checks of a dataset as a whole: shards against the manifest, each other, and the versions of the stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from i2vadapt import stages
from i2vadapt.data.items import Item, digest_items, read_items, shard_of
from i2vadapt.data.shards.reader import ShardReader
from i2vadapt.errors import UserError
from i2vadapt.layout import shard_name

KINDS = ("depth", "frames", "flow")  # each is made of the one before
VERSIONS = {
    "depth": stages.DEPTH.version,
    "synthesize": stages.SYNTHESIZE.version,
    "decode": stages.DECODE.version,
    "flow": stages.FLOW.version,
}


@dataclass(frozen=True)
class Problem:
    """Something wrong, and what `snakemake --forcerun` is given to have it redone."""

    path: Path
    what: str
    redo: str


def shard_paths(folder: Path) -> list[Path]:
    """The shards that a dataset should have: of every kind that was begun, one for each table of items."""
    names = [file.stem for file in _tables(folder)]
    return [folder / kind / f"{name}.h5" for kind in KINDS if (folder / kind).is_dir() for name in names]


def dataset_problems(folder: Path) -> list[Problem]:
    """Compares manifest, tables of items and the provenance of all shards that open; reads no frame."""
    problems = _manifest_problems(folder)
    for file in _tables(folder):
        items = _items(file)
        if items is not None:
            problems += _chain_problems(folder, file.stem, items)
    for kind in KINDS:
        problems += _settings_problems(folder, kind)
        problems += _left_over(folder / kind)
    known = set(shard_paths(folder))
    for path in sorted(folder.glob("*/*.h5")):
        if path.parent.name in KINDS and path not in known:
            problems.append(Problem(path, "there is no table of items for it", _manifest_rule(folder)))
    return problems


def _tables(folder: Path) -> list[Path]:
    return sorted((folder / "items").glob("*.csv"))


def _items(file: Path) -> list[Item] | None:
    try:
        return read_items(file)
    except UserError:
        return None


def _manifest_rule(folder: Path) -> str:
    return f"manifest_{folder.name}"


def _manifest_problems(folder: Path) -> list[Problem]:
    redo, tables = _manifest_rule(folder), _tables(folder)
    problems, listed = [], []
    for index, file in enumerate(tables):
        try:
            items = read_items(file)
        except UserError as error:
            return [Problem(file, str(error).removeprefix(f"{file}: "), redo)]
        if file.stem != shard_name(index):
            return [Problem(folder / "items" / f"{shard_name(index)}.csv", "is missing", redo)]
        if any(shard_of(item.id, len(tables)) != index for item in items):
            problems.append(Problem(file, "holds items of another shard", redo))
        listed += items
    manifest = folder / "manifest.csv"
    try:
        if sorted(listed) != sorted(read_items(manifest)):
            problems.append(Problem(manifest, "is not the sum of the tables in items/", redo))
    except UserError as error:
        problems.append(Problem(manifest, str(error).removeprefix(f"{manifest}: "), redo))
    return problems


def _chain_problems(folder: Path, name: str, items: Sequence[Item]) -> list[Problem]:
    """Of one shard number: depth, frames and flow, each made of what is there now."""
    problems = []
    before: dict[str, ShardReader | None] = {}
    for kind in KINDS:
        path = folder / kind / f"{name}.h5"
        reader = _reader(path)
        if reader is not None:
            problems += [Problem(path, what, str(path)) for what in _provenance_problems(reader, items, before)]
        before[kind] = reader
    return problems


def _reader(path: Path) -> ShardReader | None:
    try:
        return ShardReader(path)
    except UserError:
        return None  # told by the check of the shard itself


def _provenance_problems(
    reader: ShardReader, items: Sequence[Item], others: Mapping[str, ShardReader | None]
) -> list[str]:
    stage, inputs = reader.provenance.get("stage"), reader.provenance.get("inputs", {})
    if stage not in VERSIONS:
        return [f"made by an unknown stage {stage!r}"]
    problems = []
    version = reader.provenance.get("stage_version")
    if version != VERSIONS[stage]:
        problems.append(f"made by version {version} of stage {stage}, the package has {VERSIONS[stage]}")
    if "items" in inputs and inputs["items"] != digest_items(items):
        problems.append("made of other items or contents than the manifest lists")
    for kind, other in others.items():
        if kind in inputs and other is not None and inputs[kind] != other.digest:
            problems.append(f"made of other {kind} than {other.path}")
    needed = {"synthesize": "depth", "flow": "frames"}.get(stage)
    before = others.get(needed) if needed else None
    wanted = before.ids if needed and before is not None else [item.id for item in items]
    found = {*reader.ids, *(failure.id for failure in reader.failures)}
    if found != set(wanted) and not (needed and before is None):
        problems.append(f"{len(set(wanted) - found)} items are missing, {len(found - set(wanted))} are strange")
    labels = {item.id: item.label for item in items}
    if any(labels.get(key) != label for key, label in zip(reader.ids, reader.labels.tolist(), strict=True)):
        problems.append("labels differ from the manifest's")
    if stage == "flow" and before is not None and not problems:
        counts = {key: int(count) - 1 for key, count in zip(before.ids, before.counts, strict=True)}
        if any(counts[key] != count for key, count in zip(reader.ids, reader.counts.tolist(), strict=True)):
            problems.append("an item has not one flow less than frames")
    return problems


def _settings_problems(folder: Path, kind: str) -> list[Problem]:
    """All shards of a kind are made with the same settings."""
    readers = [reader for reader in map(_reader, sorted((folder / kind).glob("*.h5"))) if reader is not None]
    first = readers[0] if readers else None
    return [
        Problem(reader.path, f"made with other settings than {first.path.name}", str(reader.path))
        for reader in readers
        if first is not None and reader.provenance.get("settings") != first.provenance.get("settings")
    ]


def _left_over(folder: Path) -> list[Problem]:
    problems = []
    for path in sorted(folder.glob("*.partial")):
        out = path.with_suffix("")
        what = "batches of a finished shard are left" if out.exists() else "was interrupted, or is being made"
        problems.append(Problem(path, what, str(out)))
    return problems

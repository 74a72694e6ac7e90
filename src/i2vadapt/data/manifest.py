"""Stage *manifest*: which items of a dataset are used, with which label, and why the others are excluded."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from i2vadapt.config.documents import Benchmark
from i2vadapt.config.names import class_key
from i2vadapt.data.duplicates import judge_copies
from i2vadapt.data.failures import raise_if_general
from i2vadapt.data.image import read_image
from i2vadapt.data.image_kinds import picture_kind
from i2vadapt.data.items import UNLABELLED, Item, shard_of, write_items
from i2vadapt.data.labels import check_labels, label_map
from i2vadapt.data.list_files import Entry
from i2vadapt.data.listing import IMAGE_SUFFIXES, VIDEO_SUFFIXES, list_entries, may_be_video
from i2vadapt.data.system_files import is_system_file
from i2vadapt.errors import UserError, cause
from i2vadapt.files.atomic import write_atomically
from i2vadapt.files.digests import file_digest
from i2vadapt.files.tables import write_table
from i2vadapt.layout import DatasetFolder, shard_name
from i2vadapt.runtime.cores import thread_count
from i2vadapt.runtime.progress import progress

_logger = logging.getLogger(__name__)

EXCLUDED_COLUMNS = ("id", "class", "reason")
_MOST_SHOWN = 10  # excluded files that a message names


@dataclass(frozen=True)
class Excluded:
    """An item that is not used, and why."""

    id: str
    class_name: str
    reason: str


@dataclass(frozen=True)
class Manifest:
    """Result of the stage; both lists are sorted by id."""

    items: list[Item]
    excluded: list[Excluded]


def make_manifest(benchmark: Benchmark, side: str, min_frames: int) -> Manifest:
    """Lists, labels and checks the items of one side of a benchmark.

    The setting is closed-set (paper section 3): items of classes that are not shared are excluded.

    Args:
        benchmark: the benchmark.
        side: source (images) or target (videos).
        min_frames: videos with fewer frames are excluded.

    Raises:
        UserError: if the folder is missing or empty, a class of the map is unknown, or a class ends up without items.
    """
    spec = benchmark.source if side == "source" else benchmark.target
    chosen, excluded = choose_entries(benchmark, side)
    items = _check_files(chosen, Path(spec.root), side, min_frames, list(benchmark.classes), excluded)
    _check_classes_filled(benchmark, side, items, excluded)
    _log_summary(spec.dataset, spec.expected, items, excluded)
    return Manifest(items, sorted(excluded, key=lambda row: os.fsencode(row.id)))


def choose_entries(benchmark: Benchmark, side: str) -> tuple[list[tuple[Entry, int]], list[Excluded]]:
    """Labels the entries of the shared classes and excludes others by their names.

    Opens no file but those of the source without a known suffix, to see whether they are pictures.

    Raises:
        UserError: if the folder is missing or empty, or a class of the map is unknown.
    """
    spec = benchmark.source if side == "source" else benchmark.target
    names = list(benchmark.classes)
    mapping = label_map(benchmark, side)
    entries = list_entries(spec, labelled=side == "source")
    if any(name.isdecimal() for name in mapping):  # numbers in lists are names of classes, as the benchmark says
        entries = [replace(entry, is_index=False) for entry in entries]
    check_labels(benchmark, side, [entry for entry in entries if not is_system_file(entry.id)])
    chosen: list[tuple[Entry, int]] = []
    excluded: list[Excluded] = []
    seen: set[str] = set()
    for entry in entries:
        label, reason = _label(entry, mapping, len(names), side, Path(spec.root))
        if entry.id in seen:
            reason = "listed twice"
        seen.add(entry.id)
        if reason is None:
            chosen.append((entry, label))
        else:
            excluded.append(Excluded(entry.id, entry.class_name or "", reason))
    return chosen, excluded


def write_manifest(manifest: Manifest, shards: int, out: Path, fingerprints: Sequence[str] = ()) -> None:
    """Writes manifest.csv, excluded.csv, items/<shard>.csv and contents.txt, each of them atomically.

    Args:
        manifest: the items.
        shards: number of shards of the dataset.
        out: folder of the dataset's results.
        fingerprints: of each shard, for contents.txt. It is written last, so that it never vouches for tables that are
            yet to be written; without fingerprints there is none, since one of an earlier manifest would be wrong.

    Raises:
        UserError: if there are not as many fingerprints as shards.
    """
    if fingerprints and len(fingerprints) != shards:
        raise UserError(f"--fingerprints: {len(fingerprints)} given, the dataset has {shards} shards")
    folder = DatasetFolder(out)
    parts: list[list[Item]] = [[] for _ in range(shards)]
    for item in manifest.items:
        parts[shard_of(item.id, shards)].append(item)
    for index, part in enumerate(parts):
        write_items(folder.items(shard_name(index)), part)
    rows = ({"id": row.id, "class": row.class_name, "reason": row.reason} for row in manifest.excluded)
    write_table(folder.excluded, EXCLUDED_COLUMNS, rows)
    write_items(folder.manifest, manifest.items)
    if fingerprints:
        write_atomically(folder.contents, "".join(f"{text}\n" for text in fingerprints).encode())
    else:
        folder.contents.unlink(missing_ok=True)


def _label(entry: Entry, mapping: dict[str, int], classes: int, side: str, root: Path) -> tuple[int, str | None]:
    path = Path(entry.id)
    suffix = path.suffix.lower()
    if entry.problem:
        return UNLABELLED, entry.problem
    if path.is_absolute() or ".." in path.parts:
        return UNLABELLED, "outside the dataset's root"
    if is_system_file(entry.id):
        return UNLABELLED, "thumbnail or system file"
    if not (suffix in IMAGE_SUFFIXES or picture_kind(root / path) if side == "source" else may_be_video(suffix)):
        return UNLABELLED, f"not {'an image' if side == 'source' else 'a video'} by its suffix"
    if entry.class_name is None:
        return UNLABELLED, "no class: photographs must be in one folder per class" if side == "source" else None
    if entry.is_index:
        label = int(entry.class_name)
        too_large = f"class index {label}, but the benchmark has {classes} classes"
        return (label, None) if label < classes else (UNLABELLED, too_large)
    found = mapping.get(class_key(entry.class_name))
    return (found, None) if found is not None else (UNLABELLED, "class not shared")


def _check_files(
    chosen: Sequence[tuple[Entry, int]],
    root: Path,
    side: str,
    min_frames: int,
    names: Sequence[str],
    excluded: list[Excluded],
) -> list[Item]:
    """Reads every file once for its digest, and excludes files that do not open or repeat another one's content."""
    inside = os.path.realpath(root)
    check: Callable[[Path], None] = check_image if side == "source" else lambda path: check_video(path, min_frames)

    def examine(entry: Entry) -> tuple[str, str | None]:
        path = root / entry.id
        if not os.path.realpath(path).startswith(inside + os.sep) and ".." in Path(entry.id).parts:
            return "", "outside the dataset's root"
        try:
            if path.stat().st_size == 0:
                return "", "unreadable: empty file"
            check(path)
            return file_digest(path), None
        except Exception as error:  # of any library
            raise_if_general(error)
            reason = str(error).removeprefix(f"{path}: ") if isinstance(error, UserError) else cause(error)
            known = side == "source" or path.suffix.lower() in VIDEO_SUFFIXES
            return "", f"{'unreadable' if known else 'not a video by its content'}: {reason}"

    found: list[tuple[Entry, Item]] = []
    title = f"manifest {root.name}"
    with ThreadPoolExecutor(thread_count()) as pool, progress(len(chosen), title, "file") as bar:
        for (entry, label), (digest, reason) in zip(
            chosen, pool.map(examine, (pair[0] for pair in chosen)), strict=True
        ):
            bar.update()
            if reason is not None:
                excluded.append(Excluded(entry.id, entry.class_name or "", reason))
                continue
            name = names[label] if label != UNLABELLED else ""
            found.append((entry, Item(entry.id, str(root / entry.id), name, label, digest)))
    items = []
    for (entry, item), reason in zip(found, judge_copies([item for _, item in found]), strict=True):
        if reason is None:
            items.append(item)
        else:
            excluded.append(Excluded(entry.id, entry.class_name or "", reason))
    return items


def check_image(path: Path) -> None:
    """Raises UserError if the photograph can't be used."""
    read_image(path)


def check_video(path: Path, min_frames: int) -> None:
    """Raises UserError if the video can't be opened or has too few packets; nothing is decoded here."""
    from i2vadapt.data.container import count_packets  # imported here because photographs do without PyAV

    frames = count_packets(path)
    if frames < min_frames:
        raise UserError(f"{path}: too short: {frames} frames, at least {min_frames} are needed")


def _check_classes_filled(benchmark: Benchmark, side: str, items: Sequence[Item], excluded: Sequence[Excluded]) -> None:
    """Refuses a benchmark with a class that has no items, and names files of that class and why they are excluded."""
    if side == "target" and any(item.label == UNLABELLED for item in items):
        return  # which classes the videos without a label show is not known
    counts = Counter(item.label for item in items)
    empty = {label: name for label, name in enumerate(benchmark.classes) if not counts[label]}
    if not empty:
        return
    originals = {class_key(one) for name in empty.values() for one in getattr(benchmark.classes[name], side)}
    originals |= {str(label) for label in empty}  # of lists
    theirs = [row for row in excluded if not row.class_name or class_key(row.class_name) in originals]
    shown = [f"{row.id}: {row.reason}" for row in theirs[:_MOST_SHOWN]]
    if len(theirs) > _MOST_SHOWN:
        reasons = Counter(row.reason.split(":")[0] for row in theirs)
        listed = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
        shown.append(f"and {len(theirs) - _MOST_SHOWN} more; in all {listed}")
    raise UserError(
        f"{benchmark.name}: {side}: no usable item of class {', '.join(empty.values())}"
        f" (excluded: {'; '.join(shown) or 'none'})"
    )


def _log_summary(dataset: str, expected: int | None, items: Sequence[Item], excluded: Sequence[Excluded]) -> None:
    reasons = Counter(row.reason.split(":")[0].split(" of ")[0] for row in excluded)
    listed = "".join(f"; {count} excluded: {reason}" for reason, count in reasons.most_common())
    _logger.info("%s: %d items%s", dataset, len(items), listed)
    if expected is not None and expected != len(items):
        _logger.warning("%s: %d items, but the benchmark expects %d", dataset, len(items), expected)

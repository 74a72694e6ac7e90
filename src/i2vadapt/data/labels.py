"""Cross-checks of the classes that a dataset has with those that the benchmark expects."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from i2vadapt.config.documents import Benchmark
from i2vadapt.config.names import canonical, class_key
from i2vadapt.config.parsing import raise_problems
from i2vadapt.data.items import UNLABELLED, Item
from i2vadapt.data.list_files import Entry
from i2vadapt.errors import UserError

_logger = logging.getLogger(__name__)

_MOST_PROBLEMS = 20


def label_map(benchmark: Benchmark, side: str) -> dict[str, int]:
    """Labels by the keys (`class_key`) of the names that the classes have on a side, source or target."""
    return {
        class_key(original): label
        for label, spec in enumerate(benchmark.classes.values())
        for original in getattr(spec, side)
    }


def check_labels(benchmark: Benchmark, side: str, entries: Sequence[Entry]) -> None:
    """Compares the classes of a dataset's entries with those of the benchmark, before any file is opened.

    Raises:
        UserError: if a class of the benchmark is not found, two folders have the name of one class, an item has two
            labels, or indices disagree with the names of the folders.
    """
    raise_problems(
        [
            *_unknown_classes(benchmark, side, entries),
            *_same_folders(benchmark, side, entries),
            *_two_labels(entries),
            *_shifted_indices(benchmark, side, entries),
        ][:_MOST_PROBLEMS]
    )


def _unknown_classes(benchmark: Benchmark, side: str, entries: Sequence[Entry]) -> list[str]:
    """Classes that no entry has are misspelt, or no video of theirs is labelled.

    The latter is assumed where there are videos without a label, and no folder is left over that could be meant.
    """
    spec = benchmark.source if side == "source" else benchmark.target
    named = (entry.class_name for entry in entries if not entry.is_index)
    known = {class_key(name): name for name in named if name}
    indices = {int(entry.class_name) for entry in entries if entry.is_index and entry.class_name}
    wanted = label_map(benchmark, side)
    originals = [original for item in benchmark.classes.values() for original in getattr(item, side)]
    missing = [name for name in originals if class_key(name) not in known and wanted[class_key(name)] not in indices]
    if not known or not missing:
        return []
    left_over = known.keys() - wanted.keys()
    unlabelled = sum(entry.class_name is None and not entry.problem for entry in entries)
    listed = ", ".join(map(repr, missing))
    if side == "target" and unlabelled and not left_over:
        _logger.info("%s: no video is labelled %s; %d have no label", spec.dataset, listed, unlabelled)
        return []
    place = "directly in the root" if spec.layout == "folder" else "in lines without a label"
    advice = f"; videos without a label must be {place}" if side == "target" else ""
    found = ", ".join(sorted(known.values()))
    where = f"{benchmark.name}: classes: {side}"
    return [f"{where}: {listed} not found in {spec.root}; its classes are {found}{advice}"]


def _same_folders(benchmark: Benchmark, side: str, entries: Sequence[Entry]) -> list[str]:
    """Folders whose names are one but for case, spaces, underscores or the normal form."""
    spec = benchmark.source if side == "source" else benchmark.target
    if spec.layout != "folder":
        return []  # UCF101's own lists spell some classes in two ways
    given = {original for item in benchmark.classes.values() for original in getattr(item, side)}
    folders: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        if entry.class_name:
            folders[class_key(entry.class_name)].add(entry.class_name)
    problems = []
    for key in label_map(benchmark, side):
        names = sorted(folders[key])
        distinct = {canonical(name) for name in names}
        if len(names) > 1 and not (len(distinct) == len(names) and distinct <= given):
            problems.append(
                f"{spec.root}: the folders {' and '.join(map(ascii, names))} both have the name of class"
                f" {key!r}: merge them, or list both names in {benchmark.name}: classes"
            )
    return problems


def _two_labels(entries: Sequence[Entry]) -> list[str]:
    """Lines of lists that give an item another class than an earlier line."""
    first: dict[str, Entry] = {}
    problems = []
    for entry in entries:
        other = first.setdefault(entry.id, entry)
        names = [None if one.class_name is None else class_key(one.class_name) for one in (entry, other)]
        if names[0] != names[1]:
            problems.append(
                f"{entry.place}: {entry.id} has the label {entry.class_name}, but {other.class_name} in {other.place}"
            )
    return problems


def _shifted_indices(benchmark: Benchmark, side: str, entries: Sequence[Entry]) -> list[str]:
    """Folders of a class most of whose items have the index of another one, as where a list counts from 1."""
    labels, names = label_map(benchmark, side), list(benchmark.classes)
    indices: dict[int, Counter[int]] = defaultdict(Counter)
    examples: dict[tuple[int, int], Entry] = {}
    for entry in entries:
        label = labels.get(class_key(entry.id.partition("/")[0]))
        if entry.is_index and entry.class_name is not None and label is not None:
            index = int(entry.class_name)
            indices[label][index] += 1
            examples.setdefault((label, index), entry)
    problems = []
    for label, counts in sorted(indices.items()):
        index, count = counts.most_common(1)[0]
        if index != label and 2 * count > counts.total():
            entry, name = examples[label, index], names[index] if index < len(names) else "no class"
            problems.append(
                f"{entry.place}: {entry.id} has the index {index} ({name}), but lies in the folder of {names[label]}:"
                f" indices count from 0 in the order of {benchmark.name}: classes; class names are allowed too"
            )
    return problems


def relabel(items: Sequence[Item], classes: Sequence[str], table: Path) -> list[Item]:
    """Gives items the labels that their class names have in another list of classes.

    Args:
        items: items of a manifest.
        classes: class names in the order of the labels.
        table: the manifest, for messages.

    Raises:
        UserError: if an item has a class that is not in the list, or a label without the name of its class.
    """
    labels = {canonical(name): label for label, name in enumerate(classes)}
    result = []
    for item in items:
        name = canonical(item.class_name)
        if item.label == UNLABELLED:
            result.append(item)
        elif name in labels:
            result.append(replace(item, class_name=name, label=labels[name]))
        elif not name:
            raise UserError(f"{table}: {item.id} has a label without a class name: run the stage manifest again")
        else:
            raise UserError(f"{table}: {item.id} is of class {name!r}, {_not_among(name, classes)}")
    return result


def _not_among(name: str, classes: Sequence[str]) -> str:
    same = [other for other in classes if class_key(other) == class_key(name)]
    hint = f" ({same[0]!r} is written differently)" if same else ""
    return f"which is none of the classes wanted: {', '.join(classes)}{hint}"

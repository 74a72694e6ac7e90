"""Items of a shard, and items of a dataset with all that exists of them."""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Protocol

import numpy as np

from i2vadapt.data.image import read_image
from i2vadapt.data.image_kinds import picture_kind
from i2vadapt.data.items import Item, check_unchanged, read_items
from i2vadapt.data.listing import IMAGE_SUFFIXES
from i2vadapt.data.manifest import EXCLUDED_COLUMNS
from i2vadapt.data.shards.reader import ShardReader
from i2vadapt.errors import StageError, UserError
from i2vadapt.files.tables import read_table
from i2vadapt.layout import DatasetFolder
from i2vadapt.report.canvas import evenly
from i2vadapt.report.datasets import existing_shards
from i2vadapt.report.sheets import ItemFinder
from i2vadapt.report.text import plural
from i2vadapt.report.view.item import ItemView
from i2vadapt.stages import KINDS, Kind

_NEAREST = 3


class ItemCollection(Protocol):
    """Items that can be shown."""

    @property
    def heading(self) -> str:
        """What is shown, for the top of a sheet."""

    def choose(self, count: int) -> list[str]:
        """Ids of at most `count` items, spread over all."""

    def view(self, item_id: str) -> ItemView:
        """What there is of an item.

        Raises:
            UserError: if there is no such item, or nothing of it, or a shard is damaged.
        """

    def failures(self) -> list[str]:
        """A line for each item that failed: its id and why."""

    def flow(self) -> list[ShardReader]:
        """All shards of flow, in order."""


class ShardItems:
    """The items of one shard.

    Raises:
        UserError: if the shard is damaged or holds no items.
    """

    def __init__(self, path: Path) -> None:
        self.reader = ShardReader(path)
        if not len(self.reader):
            failures = self.failures()
            raise UserError("\n".join([f"{path}: holds no items ({len(failures)} failed)", *failures]))

    @property
    def heading(self) -> str:
        """See `ItemCollection`."""
        reader = self.reader
        stage = reader.provenance.get("stage", "unknown stage")
        failed = len(reader.failures)
        return f"{reader.path.name}: {reader.kind} made by {stage}, {len(reader)} items, {failed} failed"

    def choose(self, count: int) -> list[str]:
        """See `ItemCollection`."""
        return [self.reader.ids[place] for place in evenly(len(self.reader), count)]

    def view(self, item_id: str) -> ItemView:
        """See `ItemCollection`."""
        reader = self.reader
        if item_id not in reader:
            reason = _failure(reader, item_id)
            if reason:
                raise UserError(f"{reader.path}: {item_id!r} failed in this shard: {reason}")
            raise _unknown(reader.path, item_id, reader.ids)
        place = reader, reader.index(item_id)
        view = ItemView(item_id, f"{item_id}, label {reader.labels[place[1]]}")
        setattr(view, reader.kind, place)
        return view

    def failures(self) -> list[str]:
        """See `ItemCollection`."""
        return [f"{failed.id}: {failed.reason}" for failed in self.reader.failures]

    def flow(self) -> list[ShardReader]:
        """See `ItemCollection`."""
        return [self.reader] if self.reader.kind == "flow" else []


class DatasetItems:
    """The items of a dataset.

    Args:
        path: folder of the dataset in the results.

    Raises:
        UserError: if the table of items is damaged or empty.
    """

    def __init__(self, path: Path) -> None:
        self._folder = DatasetFolder(path)
        self._items = {item.id: item for item in read_items(self._folder.manifest)}
        if not self._items:
            raise UserError(f"{self._folder.manifest}: lists no items")
        kinds = [kind for kind in KINDS if existing_shards(self._folder, kind)]
        self._finders = {kind: ItemFinder(self._folder, kind) for kind in kinds}

    @property
    def heading(self) -> str:
        """See `ItemCollection`."""
        parts = "photograph | depth (bright is near) | frames, each followed by its flow"
        return f"{self._folder.path.name}: {plural(len(self._items), 'item')}; {parts}, as far as they exist"

    def choose(self, count: int) -> list[str]:
        """See `ItemCollection`."""
        return spread_over_classes(list(self._items.values()), count)

    def view(self, item_id: str) -> ItemView:
        """See `ItemCollection`."""
        if item_id not in self._items:
            raise self._excluded(item_id) or _unknown(self._folder.manifest, item_id, self._items)
        item = self._items[item_id]
        view = ItemView(item_id, f"{item_id}, {item.class_name or 'no label'}")
        self._add_photograph(view, item)
        for kind, finder in self._finders.items():
            _add_part(view, kind, finder)
        if not self._finders:
            view.notes.append("nothing has been made of it yet: run snakemake datasets")
        return view

    def failures(self) -> list[str]:
        """See `ItemCollection`."""
        readers = [(kind, ShardReader(path)) for kind in self._finders for path in existing_shards(self._folder, kind)]
        return [f"{kind}: {failed.id}: {failed.reason}" for kind, reader in readers for failed in reader.failures]

    def flow(self) -> list[ShardReader]:
        """See `ItemCollection`."""
        return [ShardReader(path) for path in existing_shards(self._folder, "flow")]

    def _add_photograph(self, view: ItemView, item: Item) -> None:
        path = self._found(item)
        if not (PurePosixPath(item.id).suffix.lower() in IMAGE_SUFFIXES or picture_kind(path)):
            return  # a video: its frames are what there is to see
        if not path.exists():
            view.notes.append(f"the photograph {item.path} is not there any more")
            return
        try:
            view.photograph = read_image(path)
            check_unchanged(Item(item.id, str(path), item.class_name, item.label, item.digest))
        except StageError:
            view.notes.append("the photograph has changed since the manifest was made")
        except UserError as error:
            view.notes.append(f"no photograph: {error}")

    def _found(self, item: Item) -> Path:
        """The file of an item. A relative path counts from the project, in which the results need not be read."""
        here, project = Path(item.path), self._folder.path.resolve().parents[2]
        return here if here.exists() or here.is_absolute() else project / here

    def _excluded(self, item_id: str) -> UserError | None:
        if not self._folder.excluded.exists():
            return None
        rows = {row["id"]: row["reason"] for row in read_table(self._folder.excluded, EXCLUDED_COLUMNS)}
        reason = rows.get(item_id)
        return UserError(f"{self._folder.excluded}: {item_id!r} is not used: {reason}") if reason else None


def spread_over_classes(items: Sequence[Item], count: int) -> list[str]:
    """Ids of at most `count` items: as many of each class as possible, spread over the class; in order of the labels.

    With fewer items than classes, one item of each of some classes.
    """
    groups: dict[int, list[str]] = {}
    for item in items:
        groups.setdefault(item.label, []).append(item.id)
    labels = np.array(sorted(groups))
    labels = labels[evenly(len(labels), count)]
    chosen = []
    for place, label in enumerate(labels.tolist()):
        share = count // len(labels) + (place < count % len(labels))
        chosen += [groups[label][number] for number in evenly(len(groups[label]), share)]
    return chosen


def _add_part(view: ItemView, kind: Kind, finder: ItemFinder) -> None:
    path = finder.path(view.id)
    if not path.exists():
        view.notes.append(f"no {kind}: {path} is missing, run snakemake datasets")
        return
    place = finder.find(view.id)
    if place is not None:
        setattr(view, kind, place)
        return
    reason = _failure(finder.reader(view.id), view.id)
    view.notes.append(f"{kind} failed: {reason}" if reason else f"not in {path}: run snakemake datasets")


def _failure(reader: ShardReader, item_id: str) -> str:
    return next((failed.reason for failed in reader.failures if failed.id == item_id), "")


def _unknown(path: Path, item_id: str, ids: Sequence[str] | dict[str, Item]) -> UserError:
    near = nearest(item_id, list(ids))
    hint = f"the nearest: {', '.join(map(repr, near))}" if near else f"its first: {next(iter(ids))!r}"
    return UserError(f"--id: {path} holds no item {item_id!r} ({plural(len(ids), 'item')}); {hint}")


def nearest(item_id: str, ids: Sequence[str]) -> list[str]:
    """At most three of the ids: those of the same file name, since people leave out the folder, else similar ones."""
    name = os.path.basename(item_id)
    same = [known for known in ids if os.path.basename(known) == name]
    return same[:_NEAREST] or difflib.get_close_matches(item_id, ids, _NEAREST)

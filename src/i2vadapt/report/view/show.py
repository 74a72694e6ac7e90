"""Sheets, films and histograms by what is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from i2vadapt.errors import UserError
from i2vadapt.files.atomic import write_atomically
from i2vadapt.report.canvas import Strip, compose
from i2vadapt.report.text import shown
from i2vadapt.report.view.film import FILM_SUFFIXES, write_film
from i2vadapt.report.view.histogram import draw_motion, measure_motion
from i2vadapt.report.view.item import ItemView, strip
from i2vadapt.report.view.items import DatasetItems, ItemCollection, ShardItems
from i2vadapt.report.view.recognise import is_dataset

ITEMS = 8
"""Items of a sheet by default."""
_HEIGHT, _HEIGHT_OF_ONE = 132, 240
_MAPS = 4  # of a row


def show(
    path: Path,
    out: Path | None = None,
    ids: Sequence[str] = (),
    items: int | None = None,
    fps: float | None = None,
    histogram: Path | None = None,
) -> list[str]:
    """Writes a contact sheet or a film of items, or a histogram of their flow, or both.

    Args:
        path: shard of frames, flow or depth, or the folder of a dataset.
        out: PNG for a sheet, or one of `FILM_SUFFIXES` for the film of one item.
        ids: items to show; empty for items spread over all, of a film the first one.
        items: number of items of a sheet without ids; None for 8.
        fps: frames per second of a film; None for those of the item.
        histogram: PNG.

    Returns:
        Lines to print: what the pictures are, the measured motion, and the items that failed.

    Raises:
        UserError: if the path is neither (the message says what it is), a shard is damaged or empty, an item is not
            there, or an option does not fit.
    """
    _check_options(out, ids, items, fps, histogram)
    shelf: ItemCollection = DatasetItems(path) if is_dataset(path) else ShardItems(path)
    views = [shelf.view(item_id) for item_id in ids]
    lines: list[str] = []
    if out is not None and out.suffix.lower() == ".png":
        write_atomically(out, _sheet(shelf, ids, ITEMS if items is None else items))
        lines += [f"{view.id}: {note}" for view in views for note in view.notes]
    elif out is not None:
        view = views[0] if views else _first_with_footage(shelf)
        lines += [write_film(view, out, fps), *(f"{view.id}: {note}" for note in view.notes)]
    if histogram is not None:
        motion = measure_motion(shelf.flow(), set(ids))
        write_atomically(histogram, draw_motion(motion, shown(", ".join(ids) or str(path))))
        lines += motion.describe()
    return lines if ids else [*lines, *(f"failed: {line}" for line in shelf.failures())]


def _check_options(
    out: Path | None, ids: Sequence[str], items: int | None, fps: float | None, histogram: Path | None
) -> None:
    if out is None and histogram is None:
        raise UserError("view: give --out FILE (.png for a sheet, .mp4 or .gif for a film) or --histogram FILE.png")
    suffix = out.suffix.lower() if out is not None else ""
    films = ", ".join(FILM_SUFFIXES)
    if out is not None and suffix != ".png" and suffix not in FILM_SUFFIXES:
        raise UserError(f"--out: {out}: must end in .png for a sheet, or in one of {films} for the film of an item")
    if histogram is not None and histogram.suffix.lower() != ".png":
        raise UserError(f"--histogram: {histogram}: must end in .png")
    is_film = suffix in FILM_SUFFIXES
    if fps is not None and not is_film:
        raise UserError(f"--fps: only films have a rate: --out must end in one of {films}")
    if fps is not None and not 0 < fps < np.inf:
        raise UserError(f"--fps: must be greater than 0, not {fps:g}")
    if is_film and len(ids) > 1:
        raise UserError(
            f"--out: {out}: a film shows one item, {len(ids)} are named with --id; a sheet (.png) shows all"
        )
    if items is not None and (items < 1 or ids or is_film):
        reason = "--id names the items" if ids else "a film shows one item"
        raise UserError(f"--items: {reason if items >= 1 else f'must be 1 or more, not {items}'}")


def _sheet(shelf: ItemCollection, ids: Sequence[str], items: int) -> bytes:
    chosen = [shelf.view(item_id) for item_id in ids or shelf.choose(items)]
    maps_alone = not ids and all(view.parts() == ["depth"] for view in chosen)
    strips = _rows_of_maps(chosen) if maps_alone else [strip(view) for view in chosen]
    return compose(strips, _HEIGHT_OF_ONE if len(ids) == 1 else _HEIGHT, shelf.heading)


def _rows_of_maps(views: Sequence[ItemView]) -> list[Strip]:
    rows = [views[start : start + _MAPS] for start in range(0, len(views), _MAPS)]
    return [
        Strip(", ".join(Path(view.id).name for view in row), [still for view in row for still in view.stills()])
        for row in rows
    ]


def _first_with_footage(shelf: ItemCollection) -> ItemView:
    """The first item that has frames or flow, or the first one if none has."""
    views = [shelf.view(item_id) for item_id in shelf.choose(ITEMS)]
    return next((view for view in views if view.footage is not None), views[0])

"""Links to photographs: one folder per class, from folders of classes or from one flat folder."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from i2vadapt.config.downloads import Photographs
from i2vadapt.config.names import class_key
from i2vadapt.data.listing import IMAGE_SUFFIXES
from i2vadapt.data.system_files import is_system_file


def link_photographs(data: Path, spec: Photographs, classes: Iterable[str]) -> int:
    """Links the photographs of each class into its folder; what is there already is left alone.

    Of a source in folders of classes, the folder is linked; of a flat one, the files `<class>_<number>.<suffix>`. Names
    are compared as in the manifest, whatever their case and underscores.

    Args:
        data: folder of all data.
        spec: the layout.
        classes: names of the benchmark's classes in the source.

    Returns:
        Number of links made.
    """
    made = 0
    places = [_inside(data / source) for source in spec.sources if (data / source).is_dir()]
    folders = [_class_folders(place) for place in places]
    files = [_flat_files(place) for place in places]
    for name in classes:
        keys = [class_key(one) for one in (name, *spec.names.get(name, ()))]
        folder = data / spec.folder / name
        found = [index[key] for index in folders for key in keys if key in index]
        if found and not os.path.lexists(folder):
            made += _link(found[0], folder)
        elif not found:
            made += sum(_link(path, folder / path.name) for path in _first(files, keys))
    return made


def _first(indices: Sequence[Mapping[str, list[Path]]], keys: Sequence[str]) -> list[Path]:
    return next((index[key] for index in indices for key in keys if key in index), [])


def _link(path: Path, link: Path) -> bool:
    """Makes a relative link, so that the data may be moved as a whole; False if there is something of that name."""
    if os.path.lexists(link):
        return False
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(os.path.relpath(path.resolve(), link.parent.resolve()))
    return True


def _inside(folder: Path) -> Path:
    """The folder that holds more than another folder: archives unpacked by hand often add one of their own."""
    while True:
        entries = [entry for entry in folder.iterdir() if not (entry.name.startswith(".") or _of_system(entry))]
        if len(entries) != 1 or not entries[0].is_dir():
            return folder
        folder = entries[0]


def _of_system(path: Path) -> bool:
    return is_system_file(f"{path.name}/x" if path.is_dir() else path.name)


def _class_folders(place: Path) -> dict[str, Path]:
    return {class_key(path.name): path for path in sorted(place.iterdir()) if path.is_dir() and not _of_system(path)}


def _flat_files(place: Path) -> dict[str, list[Path]]:
    """Pictures of a flat folder by the key of the class in their names."""
    files: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(place.iterdir()):
        name, _, number = path.stem.rpartition("_")
        if path.suffix.lower() in IMAGE_SUFFIXES and number.isdecimal() and not _of_system(path):
            files[class_key(name)].append(path)
    return files

"""Superseded results: made with earlier settings, and set aside until they are wanted again or cleared.

Beside a file or folder X, the folder X.superseded holds earlier ones, named by the time at which they were made. They
are hard links wherever the file system has these, so that setting aside takes no time and no space.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from i2vadapt.files.temporary import temporary_name
from i2vadapt.layout import superseded_versions


def earlier(path: Path) -> list[Path]:
    """Earlier versions of a file or folder that were set aside, the newest first."""
    return sorted(superseded_versions(path).glob("[!.]*"), reverse=True)


def set_aside(path: Path) -> None:
    """Keeps a file under a second name; where the file system has no hard links, it is renamed."""
    if not path.exists() or any(other.samefile(path) for other in earlier(path)):
        return
    superseded_versions(path).mkdir(exist_ok=True)
    _link(path, superseded_versions(path) / f"{_time_of(path)}{path.suffix}")


def take_back(version: Path, path: Path) -> None:
    """Gives a file that was set aside its name back.

    Raises:
        FileNotFoundError: if a concurrent process has taken it back already.
    """
    os.replace(version, path)
    version.unlink(missing_ok=True)  # renaming a file onto another link of itself leaves both
    _remove_if_empty(superseded_versions(path))


def set_folder_aside(folder: Path, main: Path) -> None:
    """Keeps the files of a folder under second names, see `set_aside`; hidden files are left alone.

    Args:
        folder: folder to set aside.
        main: the file in it that is written last, by whose time and identity the version is known.
    """
    if not main.exists() or any(_is_same(other / main.name, main) for other in earlier(folder)):
        return
    superseded_versions(folder).mkdir(exist_ok=True)
    version = superseded_versions(folder) / _time_of(main)
    unfinished = temporary_name(version)
    for file in _files(folder):
        copy = unfinished / file.relative_to(folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        _link(file, copy)
    os.replace(unfinished, version)


def take_folder_back(version: Path, folder: Path, main: str) -> None:
    """Moves the files of a folder that was set aside to their places, `main` last: after a kill it is still known."""
    files = sorted(_files(version), key=lambda file: file.name == main)
    for file in files:
        place = folder / file.relative_to(version)
        place.parent.mkdir(parents=True, exist_ok=True)
        os.replace(file, place)
        file.unlink(missing_ok=True)
    remove(version)


def remove_files(folder: Path) -> None:
    """Deletes the files of a folder, but for hidden ones."""
    for file in _files(folder):
        file.unlink(missing_ok=True)


def remove(version: Path) -> None:
    """Deletes what was set aside."""
    if version.is_dir():
        shutil.rmtree(version, ignore_errors=True)
    else:
        version.unlink(missing_ok=True)
    _remove_if_empty(version.parent)


def describe(versions: Sequence[Path], results: Path) -> str:
    """One line on what was set aside below a results folder, and the command that deletes it."""
    size = size_of(versions) / 1e6
    return f"{len(versions)} superseded, {size:.0f} MB; to delete: i2vadapt clear {shlex.quote(str(results))}"


def size_of(versions: Iterable[Path]) -> int:
    """Bytes that deleting these would free: files that have another name besides are not counted."""
    files = (file for version in versions for file in ([version] if version.is_file() else version.rglob("*")))
    found = (file.stat() for file in files if file.is_file())
    return sum(status.st_size for status in found if status.st_nlink == 1)


def _time_of(path: Path) -> str:
    made = path.stat().st_mtime_ns
    return f"{datetime.fromtimestamp(made // 10**9, UTC):%Y%m%dT%H%M%S}.{made % 10**9:09d}Z"


def _link(file: Path, name: Path) -> None:
    try:
        os.link(file, name)
    except FileExistsError:
        pass
    except OSError:  # FAT, exFAT, SMB and some FUSE file systems have no hard links
        os.replace(file, name)


def _files(folder: Path) -> list[Path]:
    """Files below a folder, but for hidden ones such as locks and unfinished writes."""
    return sorted(file for file in folder.rglob("*") if file.is_file() and not file.name.startswith("."))


def _is_same(first: Path, second: Path) -> bool:
    return first.exists() and first.samefile(second)


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()

"""Unpacking an archive into its folder, which appears complete or not at all."""

from __future__ import annotations

import logging
import os
import shutil
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

import yaml

from i2vadapt.config.downloads import Archive
from i2vadapt.config.parsing import read_yaml
from i2vadapt.data.system_files import is_system_file
from i2vadapt.errors import UserError, cause
from i2vadapt.fetch.programs import unpack_rar
from i2vadapt.fetch.rar_headers import read_rar_entries
from i2vadapt.files.locking import try_lock

_logger = logging.getLogger(__name__)

MARK = ".fetched.yaml"  # a hidden file, which a manifest passes over


@dataclass(frozen=True)
class Origin:
    """Where the files of a folder come from; the file `MARK` in it.

    Attributes:
        archive: name of the archive.
        url: its address; of one brought by hand, its path.
        licence: licence that the publisher states.
        size: bytes of the archive.
        sha256: digest of the archive.
        files: number of files in the folder.
        unpacked: bytes of these files.
    """

    archive: str
    url: str
    licence: str
    size: int
    sha256: str
    files: int = 0
    unpacked: int = 0


def read_origin(folder: Path) -> Origin | None:
    """The origin of an unpacked folder; None if there is no such folder, or another program made it.

    Raises:
        UserError: if its record is malformed.
    """
    mark = folder / MARK
    if not mark.is_file():
        return None
    try:
        return Origin(**read_yaml(mark))
    except TypeError:
        raise UserError(f"{mark}: malformed; remove {folder} to unpack it again") from None


def count_files(folder: Path) -> tuple[int, int]:
    """Number and bytes of the files below a folder, without the record of their origin."""
    sizes = [path.stat().st_size for path in _files(folder) if path.name != MARK]
    return len(sizes), sum(sizes)


def unpack(archive: Path, spec: Archive, folder: Path, origin: Origin) -> None:
    """Unpacks an archive beside its folder, checks the files and then gives the folder its name.

    Args:
        archive: zip or RAR archive.
        spec: which parts of the files' paths are kept.
        folder: folder to make; it must not exist.
        origin: record of the archive.

    Raises:
        UserError: if a name in the archive leads outside the folder, something in it is no plain file, it is damaged,
            the disk is full, or another process is unpacking it.
    """
    work = folder.with_name(f".{folder.name}.unpacking")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(work.with_name(f"{work.name}.lock"), "ab") as lock:
        if not try_lock(lock.fileno(), folder):
            raise UserError(f"{folder}: another process is unpacking it")
        try:
            shutil.rmtree(work, ignore_errors=True)
            _logger.info("%s: unpacking to %s", archive.name, folder)
            _extract(archive, work / "raw", lock.fileno())
            if spec.nested:
                _extract_nested(work / "raw", work / "inner", lock.fileno())
            _arrange(work, folder, spec.parts, origin)
        except OSError as error:
            raise UserError(f"{folder}: cannot be unpacked: {cause(error)}; then run the same command again") from None
        finally:
            shutil.rmtree(work, ignore_errors=True)
            Path(lock.name).unlink(missing_ok=True)


def _extract(archive: Path, folder: Path, handle: int) -> None:
    if archive.suffix == ".zip":
        _extract_zip(archive, folder)
        return
    entries = read_rar_entries(archive)
    for entry in entries:
        _check_member(archive, entry.name, entry.special)
    unpack_rar(archive, entries, folder, handle)


def _extract_zip(archive: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(archive) as bundle:
            for info in bundle.infolist():
                kind = stat.S_IFMT(info.external_attr >> 16)
                _check_member(archive, info.filename, kind not in (0, stat.S_IFREG, stat.S_IFDIR))
            bundle.extractall(folder)  # compares checksums
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError) as error:
        raise UserError(
            f"{archive}: the archive is damaged ({cause(error)}); remove it and run the command again"
        ) from None


def _check_member(archive: Path, name: str, special: bool) -> None:
    """Refuses what might write outside of the folder, before anything is written."""
    if special:
        raise UserError(f"{archive}: {name!r} in it is a link or a device; refused, nothing was unpacked")
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or any(ord(letter) < 32 for letter in name):
        raise UserError(f"{archive}: {name!r} in it leads outside its folder; refused, nothing was unpacked")


def _extract_nested(raw: Path, inner: Path, handle: int) -> None:
    """Unpacks the archives in a folder, and removes each of them to save space."""
    for archive in sorted(raw.rglob("*.rar")):
        if not is_system_file(archive.relative_to(raw).as_posix()):
            _extract(archive, inner / archive.stem, handle)
            for path in _files(inner / archive.stem):
                _move(path, raw / archive.stem / path.name)
        archive.unlink()


def _arrange(work: Path, folder: Path, parts: int, origin: Origin) -> None:
    """Moves files to the last parts of their paths, records their origin, and renames the folder."""
    ready, left_out = work / "ready", 0
    for path in list(_files(work / "raw")):
        name = path.relative_to(work / "raw")
        if is_system_file(name.as_posix()) or name.name.startswith("."):
            left_out += 1
        else:
            _move(path, ready.joinpath(*name.parts[-parts:]))
    if not ready.is_dir():
        raise UserError(f"{origin.archive}: holds no files")
    files, size = count_files(ready)
    record = Origin(**{**asdict(origin), "files": files, "unpacked": size})
    (ready / MARK).write_text(yaml.safe_dump(asdict(record), sort_keys=False), encoding="utf-8")
    os.rename(ready, folder)
    note = f"; {left_out} files of systems left out" if left_out else ""
    _logger.info("%s: %d files, %.3f GB%s", folder, files, size / 1e9, note)


def _move(path: Path, to: Path) -> None:
    if to.exists():
        raise UserError(f"two files of the archive would be {to.name} in {to.parent.name}")
    to.parent.mkdir(parents=True, exist_ok=True)
    path.rename(to)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())

"""Programs that unpack RAR archives. None reads every archive, so the installed ones are tried in turn.

libarchive (bsdtar) refuses solid archives of version 4, as UCF101.rar is said to be; unar reads these, but not all of
version 5; Debian's 7-Zip comes without RAR.
"""

from __future__ import annotations

import logging
import os
import shutil
import stat
import subprocess
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from i2vadapt.errors import UserError
from i2vadapt.fetch.rar_headers import RarEntry

_logger = logging.getLogger(__name__)

_ARCHIVE, _FOLDER = "{archive}", "{folder}"
PROGRAMS: dict[str, tuple[str, ...]] = {
    "unrar": ("x", "-y", "-p-", "-idq", "--", _ARCHIVE, f"{_FOLDER}/"),
    "unar": ("-quiet", "-force-overwrite", "-no-directory", "-output-directory", _FOLDER, _ARCHIVE),
    "7zz": ("x", "-y", "-bd", f"-o{_FOLDER}", "--", _ARCHIVE),
    "7z": ("x", "-y", "-bd", f"-o{_FOLDER}", "--", _ARCHIVE),
    "bsdtar": ("-x", "-f", _ARCHIVE, "-C", _FOLDER),
}
"""Arguments by name, in the order in which they are tried."""

INSTALL = "Debian and Ubuntu: apt-get install unar; conda-forge: unrar; macOS: brew install unar"


def installed_programs() -> list[str]:
    """Names of the programs that are installed, in the order in which they are tried."""
    return [name for name in PROGRAMS if shutil.which(name)]


def check_program(archive: str) -> None:
    """Raises UserError if no program is installed that could unpack the RAR archive."""
    if not installed_programs():
        raise UserError(f"{archive}: needs one of {', '.join(PROGRAMS)}, none of which is installed. {INSTALL}")


def unpack_rar(archive: Path, entries: Sequence[RarEntry], folder: Path, handle: int) -> None:
    """Unpacks an archive with the first program that writes exactly the files of its headers.

    Args:
        archive: RAR archive.
        entries: its files; the names have been checked.
        folder: folder to make.
        handle: descriptor of the lock, which the program holds too: it may outlive this process.

    Raises:
        UserError: if none does.
    """
    check_program(archive.name)
    problems = []
    for name in installed_programs():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        values = {"archive": str(archive.resolve()), "folder": str(folder.resolve())}
        arguments = [part.format(**values) for part in PROGRAMS[name]]
        done = subprocess.run(
            [name, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            pass_fds=[handle],
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
        output = (done.stderr + b"\n" + done.stdout).decode("utf-8", "replace").split("\n")
        problem = next(filter(None, map(str.strip, output)), f"exit status {done.returncode}")
        difference = problem if done.returncode else _difference(entries, folder)
        if not difference:
            return
        _logger.warning("%s: %s: %s", archive.name, name, difference)
        problems.append(f"{name}: {difference}")
    raise UserError(
        f"{archive}: cannot be unpacked ({'; '.join(problems)}). If another program can (unrar reads all), install it"
        f" and run the same command again; otherwise the archive is damaged: remove it"
    )


def _difference(entries: Sequence[RarEntry], folder: Path) -> str:
    """How the files below a folder differ from those of an archive; empty if they do not."""
    wanted = {str(PurePosixPath(entry.name)): entry for entry in entries}
    found = 0
    for path in folder.rglob("*"):
        mode, name = path.lstat().st_mode, path.relative_to(folder).as_posix()
        if stat.S_ISDIR(mode):
            continue
        entry = wanted.get(name)
        if entry is None or not stat.S_ISREG(mode):
            return f"wrote {name!r}, which is no file of the archive"
        if path.stat().st_size != entry.size or entry.crc not in (None, _crc(path)):
            return f"{name} differs from its checksum"
        found += 1
    return "" if found == len(entries) else f"wrote {found} of {len(entries)} files"


def _crc(path: Path) -> int:
    value = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            value = zlib.crc32(block, value)
    return value

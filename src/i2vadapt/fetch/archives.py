"""Getting one archive: from its publisher, a mirror, or a folder of files that were brought by hand."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

from i2vadapt.config.downloads import Archive
from i2vadapt.errors import UserError
from i2vadapt.fetch.rar_headers import MARKS
from i2vadapt.files.digests import file_digest
from i2vadapt.runtime.download import download, register


@dataclass(frozen=True)
class Job:
    """An archive that is to be unpacked.

    Attributes:
        name: file name of the archive.
        spec: what is known of it.
        url: address to download it from.
        file: where it lies, or is downloaded to.
        record: file beside which the digest is recorded.
        folder: folder to unpack it to.
    """

    name: str
    spec: Archive
    url: str
    file: Path
    record: Path
    folder: Path

    @property
    def present(self) -> bool:
        """Whether the archive is on this machine already."""
        return self.file.is_file()


def get_archive(job: Job) -> str:
    """Downloads an archive, or checks one that is present; an interrupted download is resumed.

    Returns:
        Its SHA-256, which is recorded the first time.

    Raises:
        UserError: if it can't be downloaded, has another size or digest than is known or recorded, or is no archive.
    """

    def check(path: Path) -> None:
        _check_archive(path, job)

    if not job.present:
        otherwise = (
            f"If the address has moved, correct it in downloads.yaml or give --mirror; or fetch {job.name} in another"
            f" way and give its folder with --archives"
        )
        job.file.parent.mkdir(parents=True, exist_ok=True)
        return download(job.url, job.file, check, otherwise)
    return register(job.file, job.record, check)


def _check_archive(path: Path, job: Job) -> None:
    with path.open("rb") as file:
        start = file.read(512)
    size = path.stat().st_size
    if start.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        raise UserError(f"{_where(path, job)}: a web page, not an archive: the address has moved, or asks to log in")
    if not (zipfile.is_zipfile(path) if job.name.endswith(".zip") else start.startswith(tuple(MARKS.values()))):
        raise UserError(f"{_where(path, job)}: {size} bytes that are not a {path.suffix[1:]} archive, or part of one")
    if job.spec.bytes not in (None, size):
        raise UserError(
            f"{_where(path, job)}: has {size} bytes, must have {job.spec.bytes} by downloads.yaml; fetch it again, or"
            f" correct the number if the publisher has changed the archive"
        )
    if job.spec.sha256 and file_digest(path) != job.spec.sha256:
        raise UserError(f"{_where(path, job)}: its SHA-256 differs from the one in downloads.yaml; fetch it again")


def _where(path: Path, job: Job) -> str:
    return str(path) if path == job.file else job.url

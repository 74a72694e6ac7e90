"""What a benchmark's data still needs, and doing it."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from i2vadapt.config.documents import Benchmark
from i2vadapt.config.downloads import Downloads, Preparation
from i2vadapt.errors import UserError
from i2vadapt.fetch.archives import Job, get_archive
from i2vadapt.fetch.counts import Counts, count_classes
from i2vadapt.fetch.links import link_photographs
from i2vadapt.fetch.programs import check_program
from i2vadapt.fetch.unpack import Origin, count_files, read_origin, unpack

_logger = logging.getLogger(__name__)

_MARGIN = 1.1  # of the free space, since sizes are known about


@dataclass(frozen=True)
class Places:
    """Where data is and comes from.

    Attributes:
        data: folder of all data.
        archives: folder of archives that were brought by hand; None if there is none.
        mirror: address of a folder that holds the archives, in the place of the publishers'; empty if there is none.
    """

    data: Path
    archives: Path | None = None
    mirror: str = ""


def plan_jobs(downloads: Downloads, needs: Preparation, places: Places) -> list[Job]:
    """The archives that are still to be unpacked. A folder that exists is done, or was made by hand.

    Raises:
        UserError: if the folder of archives is missing.
    """
    if places.archives is not None and not places.archives.is_dir():
        raise UserError(f"--archives: {places.archives}: no such folder")
    jobs = []
    for name in needs.archives:
        spec = downloads.archives[name]
        folder = places.data / spec.folder
        if folder.exists():
            _report_present(folder)
            continue
        record = places.data / "archives" / name
        brought = places.archives / name if places.archives is not None else record
        url = f"{places.mirror.rstrip('/')}/{name}" if places.mirror else spec.url
        jobs.append(Job(name, spec, url, brought if brought.is_file() else record, record, folder))
    return jobs


def _report_present(folder: Path) -> None:
    origin = read_origin(folder)
    if origin is None:
        _logger.info("%s: is there, made by hand; left as it is", folder)
        return
    files, size = count_files(folder)
    if (files, size) == (origin.files, origin.unpacked):
        _logger.info("%s: is there, %d files of %s", folder, files, origin.archive)
    else:
        _logger.warning(
            "%s: has %d files of %d bytes, but %s was unpacked to %d files of %d bytes; remove it to unpack it again",
            *(folder, files, size, origin.archive, origin.files, origin.unpacked),
        )


def describe_jobs(jobs: Sequence[Job]) -> list[str]:
    """Lines about what will be downloaded and unpacked: sizes, licences, addresses and folders."""
    lines = []
    for job in jobs:
        done = f"unpack {job.file}" if job.present else f"download {job.name} from {job.url}"
        lines.append(f"{done} to {job.folder}: about {job.spec.gigabytes:g} GB, licence: {job.spec.licence}")
    return lines


def check_possible(jobs: Sequence[Job], data: Path) -> None:
    """Raises UserError if a program or disk space is missing, before anything is downloaded."""
    for job in jobs:
        if job.name.endswith(".rar"):
            check_program(job.name)
    needed = sum(job.spec.gigabytes * ((not job.present) + 1 + job.spec.nested) for job in jobs) * _MARGIN
    place = next(folder for folder in (data.absolute(), *data.absolute().parents) if folder.is_dir())
    free = shutil.disk_usage(place).free / 1e9
    if needed > free:
        raise UserError(
            f"{data}: needs about {needed:.1f} GB of free space, has {free:.1f} GB; make room or give --data"
        )


def run_jobs(jobs: Sequence[Job]) -> None:
    """Downloads and unpacks archives; what is finished stays finished if this is interrupted.

    Raises:
        UserError: see `get_archive` and `unpack`.
    """
    for job in jobs:
        brought = job.present and job.file != job.record
        digest = get_archive(job)
        source = str(job.file.absolute()) if brought else job.url
        origin = Origin(job.name, source, job.spec.licence, job.file.stat().st_size, digest)
        unpack(job.file, job.spec, job.folder, origin)


def lay_out(benchmark: Benchmark, needs: Preparation, data: Path) -> Counts:
    """Links the photographs, and counts what there is."""
    names = [name for spec in benchmark.classes.values() for name in spec.source]
    made = link_photographs(data, needs.photographs, names)
    _logger.info("%s: %d links made", data / needs.photographs.folder, made)
    return count_classes(benchmark, data / needs.photographs.folder, data / needs.videos)


def describe_missing(downloads: Downloads, needs: Preparation, counts: Counts, data: Path) -> list[str]:
    """One line for each dataset that has to be asked for, and one for classes without photographs or videos."""
    empty = [name for name, pair in counts.items() if not all(pair)]
    if not empty:
        return []
    lines = []
    for folder in needs.by_hand:
        if not (data / folder).is_dir():
            spec = downloads.by_hand[folder]
            lines.append(
                f"{folder}: has no public address; ask for it at {spec.url} (licence: {spec.licence}), put it in"
                f" {data / folder}, and run the same command again"
            )
    return [*lines, f"{len(empty)} of {len(counts)} classes lack photographs or videos: {', '.join(empty)}"]

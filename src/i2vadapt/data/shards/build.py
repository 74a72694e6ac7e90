"""Building a shard in a way that survives being killed at any moment.

Finished batches are files of their own; when all are there, they are assembled into the shard, which is then renamed.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from i2vadapt import __version__
from i2vadapt.data.shards.format import Encoded, Failed, write_shard_file
from i2vadapt.data.shards.integrity import is_intact
from i2vadapt.data.shards.reader import ShardReader
from i2vadapt.data.shards.stored import StoredFrames, remove_leftovers
from i2vadapt.errors import UserError
from i2vadapt.files import superseded
from i2vadapt.files.atomic import rename
from i2vadapt.files.temporary import temporary_name
from i2vadapt.layout import partial_folder
from i2vadapt.runtime.progress import progress

_logger = logging.getLogger(__name__)

BATCH_ITEMS = 16


class HasId(Protocol):
    """Anything with an item id."""

    @property
    def id(self) -> str:
        """The id."""
        ...


Work = TypeVar("Work", bound=HasId)
Process = Callable[[Sequence[Work]], Iterable[Encoded | Failed]]


def make_provenance(stage: str, version: int, settings: dict[str, Any], inputs: dict[str, str]) -> dict[str, Any]:
    """Record of what a shard was made from: stage, its version, settings, package version and digests of all inputs."""
    return {"stage": stage, "stage_version": version, "settings": settings, "package": __version__, "inputs": inputs}


def build_shard(
    out: Path,
    kind: str,
    work: Sequence[Work],
    process: Process[Work],
    provenance: dict[str, Any],
    max_failed_share: float,
    unit: str = "item",
) -> None:
    """Runs a stage over its items and writes the shard.

    Finished batches are kept in `<out>.partial/`, so a job that is killed loses only the batch it was working on. Two
    jobs may safely build the same shard: temporary names are unique, batches deterministic and renames atomic.

    Args:
        out: shard to write.
        kind: frames, flow or depth.
        work: items to process, in order.
        process: turns items into results, one for each item and in the same order.
        provenance: from `make_provenance`; an intact shard with the same provenance is kept.
        max_failed_share: share of failed items above which the stage fails.
        unit: name of one item, for the progress display.

    Raises:
        UserError: if too many items failed (the message names them), or the disk is full.
    """
    if out.is_dir():
        raise UserError(f"{out}: is a folder; --out must name the shard, e.g. {out / '0000.h5'}")
    key = hashlib.sha256(json.dumps(_identity(provenance), sort_keys=True).encode()).hexdigest()[:16]
    partial = partial_folder(out)
    if _is_current(out, kind, provenance) or _take_back(out, kind, provenance):
        _logger.info("%s: up to date", out)
        shutil.rmtree(partial, ignore_errors=True)  # left by a job that was killed just after it renamed the shard
        return
    names = [partial / f"{start:06d}-{key}.h5" for start in range(0, len(work), BATCH_ITEMS)]
    try:
        partial.mkdir(parents=True, exist_ok=True)
        remove_leftovers(partial)
        _fill(partial, names, kind, work, process, provenance, unit)
        results = [result for name in names for result in _read_batch(name, kind)]
        if _too_many_failed(results, max_failed_share):
            _discard_failed_batches(names, kind)
        _check_failures(out, results, max_failed_share)
        _set_aside(out, kind, provenance)
        _write_renamed(out, partial, kind, results, provenance)
    except OSError as error:
        # A concurrent process may have assembled the same shard and removed the batches, folder and all. HDF5 reports
        # that as an error of its own without a number, so the shard decides and not the kind of error.
        if not _is_current(out, kind, provenance):
            raise _disk_error(out, error) from None
    shutil.rmtree(partial, ignore_errors=True)


def _identity(provenance: dict[str, Any]) -> dict[str, Any]:
    """The part of the provenance that determines the content; the package version is recorded for information only."""
    return {name: value for name, value in provenance.items() if name != "package"}


def _is_current(out: Path, kind: str, provenance: dict[str, Any]) -> bool:
    return out.exists() and _has_provenance(out, kind, provenance) and is_intact(out)


def _has_provenance(shard: Path, kind: str, provenance: dict[str, Any]) -> bool:
    try:
        return _identity(ShardReader(shard, kind).provenance) == _identity(json.loads(json.dumps(provenance)))
    except UserError:
        return False


def _take_back(out: Path, kind: str, provenance: dict[str, Any]) -> bool:
    """Takes back a shard that was made with the same provenance earlier and set aside; a damaged one is removed."""
    for version in superseded.earlier(out):
        if _has_provenance(version, kind, provenance):
            if is_intact(version):
                _logger.info("%s: taken back: made earlier with these settings", out)
                superseded.take_back(version, out)
                return True
            _logger.warning("%s: made earlier with these settings, but damaged; it is made again", version)
            superseded.remove(version)
    return False


def _set_aside(out: Path, kind: str, provenance: dict[str, Any]) -> None:
    """Keeps a shard of other provenance that the new one replaces; one of the same provenance is damaged."""
    if out.exists() and not _has_provenance(out, kind, provenance):
        superseded.set_aside(out)


def _fill(
    partial: Path,
    names: Sequence[Path],
    kind: str,
    work: Sequence[Work],
    process: Process[Work],
    provenance: dict[str, Any],
    unit: str,
) -> None:
    """Makes the missing batches; `process` gets the items of all of them as one stream, so that it can prefetch."""
    missing = [number for number, name in enumerate(names) if not _batch_is_good(name)]
    batches = [list(work[number * BATCH_ITEMS : (number + 1) * BATCH_ITEMS]) for number in missing]
    todo = [item for batch in batches for item in batch]
    if len(todo) < len(work):
        _logger.info("%s: %d of %d %ss were already done", partial.stem, len(work) - len(todo), len(work), unit)
    with progress(total=len(work), description=f"{provenance['stage']} {partial.stem}", unit=unit) as bar:
        bar.skip(len(work) - len(todo))
        results: Iterator[Encoded | Failed] = iter(process(todo) if todo else ())
        for number, batch in zip(missing, batches, strict=True):
            sealed = []
            for item in batch:
                result = next(results)
                if result.id != item.id:
                    raise RuntimeError(f"results out of order: {result.id!r} for {item.id!r}")
                sealed.append(result)
                bar.update()
            _write_renamed(names[number], partial, kind, sealed, provenance)
            for result in sealed:
                if isinstance(result, Encoded) and isinstance(result.frames, StoredFrames):
                    result.frames.path.unlink(missing_ok=True)


def _batch_is_good(name: Path) -> bool:
    """Whether a batch exists and is intact; one that a power cut or a bad disk damaged is removed and made again."""
    if not name.exists():
        return False
    if not is_intact(name):
        name.unlink(missing_ok=True)
        return False
    return True


def _read_batch(name: Path, kind: str) -> list[Encoded | Failed]:
    try:
        reader = ShardReader(name, kind)
    except UserError as error:
        # It was intact a moment ago, so a concurrent process has removed it.
        raise FileNotFoundError(errno.ENOENT, str(error), str(name)) from None
    good = {
        item_id: Encoded(item_id, int(reader.labels[item]), reader.stored_frames(item), reader.info[item])
        for item, item_id in enumerate(reader.ids)
    }
    return [*good.values(), *reader.failures]


def _write_renamed(
    out: Path, partial: Path, kind: str, results: Sequence[Encoded | Failed], provenance: dict[str, Any]
) -> None:
    """Writes a file under a unique name in the folder of batches (which is removed at the end) and renames it."""
    temporary = temporary_name(out, partial)
    try:
        write_shard_file(temporary, kind, results, provenance)
        rename(temporary, out)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _too_many_failed(results: Sequence[Encoded | Failed], max_failed_share: float) -> bool:
    return sum(isinstance(result, Failed) for result in results) > max_failed_share * len(results)


def _discard_failed_batches(names: Sequence[Path], kind: str) -> None:
    """Removes batches with failures, so that the next job tries them again (on a mounted disk, with repaired files)."""
    for name in names:
        if any(isinstance(result, Failed) for result in _read_batch(name, kind)):
            name.unlink(missing_ok=True)


def _check_failures(out: Path, results: Sequence[Encoded | Failed], max_failed_share: float) -> None:
    failed = [result for result in results if isinstance(result, Failed)]
    for result in failed:
        _logger.warning("%s: failed: %s", os.fsencode(result.id).decode("utf-8", "replace"), result.reason)
    if _too_many_failed(results, max_failed_share):
        names = "; ".join(f"{result.id}: {result.reason}" for result in failed[:10])
        names += f" and {len(failed) - 10} more" if len(failed) > 10 else ""
        raise UserError(
            f"{out}: {len(failed)} of {len(results)} items failed,"
            f" more than max_failed_share = {max_failed_share}: {names}"
        )
    if failed:
        _logger.warning(
            "%s: %d of %d items failed and are left out; `i2vadapt view` and the report list them",
            out,
            len(failed),
            len(results),
        )


def _disk_error(out: Path, error: OSError) -> UserError:
    if error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
        return UserError(
            f"{out}: the disk is full or the file too large; finished batches are kept, run the command again to resume"
        )
    return UserError(f"{out}: cannot be written: {error}")

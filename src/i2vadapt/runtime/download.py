"""Downloading one large file over HTTP, resumed after a broken connection or a killed process."""

from __future__ import annotations

import contextlib
import errno
import http.client
import json
import logging
import re
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from email.message import Message
from pathlib import Path
from typing import BinaryIO

from i2vadapt import __version__
from i2vadapt.errors import UserError
from i2vadapt.files.atomic import rename, write_atomically
from i2vadapt.files.digests import file_digest
from i2vadapt.files.flushing import flush
from i2vadapt.files.locking import try_lock
from i2vadapt.runtime.progress import progress

_logger = logging.getLogger(__name__)

Check = Callable[[Path], None]

_TIMEOUT = 60.0  # seconds without a byte
_TRIES = 4  # connections in a row without progress before giving up
_WAIT = 2.0  # seconds before the second of these connections, doubled each time
_BLOCK = 1 << 20
_RANGE_NOT_SATISFIABLE = 416
_WORTH_TRYING = (408, _RANGE_NOT_SATISFIABLE, 429)
_OUR_SIDE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES)


@dataclass(frozen=True)
class _Version:
    """Identity of the file that a server sends, so that parts of two files are never joined."""

    url: str
    size: int
    validator: str  # strong ETag or date; empty if the server gives none, so that nothing can be resumed

    def same_as(self, other: _Version) -> bool:
        """Whether both are known to be the same file; a partial response need not repeat the validator."""
        return self.size == other.size and other.validator in ("", self.validator)


def download(url: str, out: Path, check: Check, otherwise: str) -> str:
    """Downloads a file unless it is present already; an interrupted download is resumed.

    The data is collected in `<stem>.part<suffix>`, and must have the size announced by the server. The SHA-256 is
    recorded in `<out>.sha256` at the first download, and later downloads must have the same one.

    Args:
        url: http or https address.
        out: file to write; it appears complete or not at all.
        check: raises UserError if a file is not the expected one, e.g. a login page.
        otherwise: what to do without internet access, a sentence for the error message.

    Returns:
        The SHA-256.

    Raises:
        UserError: if there is no connection, the file differs from the first download, another process is downloading
            it, or `check` fails.
    """
    digest = _recorded_digest(out)
    if digest:
        _logger.info("%s: already present, SHA-256 as recorded in %s", out, _record(out).name)
        return digest
    out.parent.mkdir(parents=True, exist_ok=True)
    part = _part(out)
    with _locked(part) as file:
        _fetch_with_retries(url, file, part, otherwise)
        return _finish(part, out, check, url)


def adopt(file: Path, out: Path, check: Check) -> None:
    """Copies a local file, with the same checks and record as a download.

    Args:
        file: file to copy; it may be `out` itself.
        out: file to write.
        check: see `download`.

    Raises:
        UserError: if there is no such file, it differs from the recorded one, or `check` fails.
    """
    if not file.is_file():
        raise UserError(f"{file}: no such file")
    out.parent.mkdir(parents=True, exist_ok=True)
    part = _part(out)
    with _locked(part) as copy:
        copy.truncate(0)
        with file.open("rb") as source:
            shutil.copyfileobj(source, copy, _BLOCK)
        copy.flush()
        _finish(part, out, check, str(file))


def register(file: Path, out: Path, check: Check, source: str = "") -> str:
    """Checks a file where it lies, and records its SHA-256 as that of a download, without copying the file.

    Args:
        file: file to check.
        out: file that a download would write, beside which the SHA-256 is recorded.
        check: see `download`.
        source: origin of the file, for messages; by default its path.

    Returns:
        The SHA-256.

    Raises:
        UserError: if it differs from the recorded one, or `check` fails.
    """
    check(file)
    digest = file_digest(file)
    record = _record(out)
    if record.is_file() and not _names(record, digest):
        raise UserError(
            f"{source or file}: its SHA-256 is {digest}, which differs from the one recorded in {record};"
            f" remove {record.name} if the change is intended, or else fetch the file again"
        )
    flush(file)
    write_atomically(record, f"{digest}  {out.name}\n".encode())
    return digest


def _finish(part: Path, out: Path, check: Check, source: str) -> str:
    try:
        digest = register(part, out, check, source)
    except UserError:
        _discard(part)
        raise
    rename(part, out)
    _discard(part)
    _logger.info("%s: %d bytes, SHA-256 %s, recorded in %s", out, out.stat().st_size, digest, _record(out).name)
    return digest


def _part(out: Path) -> Path:
    return out.with_name(f"{out.stem}.part{out.suffix}")  # keeps the suffix, by which `check` may choose a format


def _record(out: Path) -> Path:
    return out.with_name(out.name + ".sha256")


def _recorded_digest(out: Path) -> str:
    """SHA-256 of a file that has the recorded one; empty if it has another one, or there is no file or record."""
    record = _record(out)
    digest = file_digest(out) if out.is_file() and record.is_file() else ""
    return digest if digest and _names(record, digest) else ""


def _names(record: Path, digest: str) -> bool:
    return record.read_text(encoding="utf-8").split()[:1] == [digest]


def _discard(part: Path) -> None:
    part.unlink(missing_ok=True)
    _version_file(part).unlink(missing_ok=True)


def _version_file(part: Path) -> Path:
    return part.with_name(part.name + ".json")


@contextlib.contextmanager
def _locked(part: Path) -> Iterator[BinaryIO]:
    with part.open("ab") as file:
        if not try_lock(file.fileno(), part):
            raise UserError(f"{part}: another process is writing it")
        try:
            yield file
        finally:
            if part.is_file() and not part.stat().st_size:
                part.unlink()


def _fetch_with_retries(url: str, file: BinaryIO, part: Path, otherwise: str) -> None:
    """Connects again as long as connections make progress."""
    fruitless = 0
    while True:
        before = part.stat().st_size
        try:
            _fetch(url, file, part)
            return
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, OSError) and error.errno in _OUR_SIDE:
                raise UserError(
                    f"{part}: cannot be written: {error.strerror}; run the same command again to resume"
                ) from None
            if isinstance(error, urllib.error.HTTPError) and error.code == _RANGE_NOT_SATISFIABLE:
                file.truncate(0)  # the part is longer than the server's file is now
            fruitless = 0 if part.stat().st_size > before else fruitless + 1
            if fruitless >= _TRIES or _is_refused(error):
                raise UserError(f"{url}: cannot be downloaded ({_reason(error)}). {otherwise}") from None
            _logger.warning("%s: %s; connecting again", url, _reason(error))
            time.sleep(_WAIT * 2 ** max(fruitless - 1, 0))


def _is_refused(error: Exception) -> bool:
    """Whether another attempt would get the same response."""
    return isinstance(error, urllib.error.HTTPError) and 400 <= error.code < 500 and error.code not in _WORTH_TRYING


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", None) or error) or type(error).__name__


def _fetch(url: str, file: BinaryIO, part: Path) -> None:
    """Requests the missing bytes in one connection and appends them."""
    known = _read_version(part, url)
    have = part.stat().st_size
    if known is not None and have == known.size:
        return
    headers = {"User-Agent": f"i2vadapt/{__version__}", "Accept-Encoding": "identity"}
    if known is not None and known.validator and have:
        # With If-Range, a server whose file has changed since sends all of it.
        headers |= {"Range": f"bytes={have}-", "If-Range": known.validator}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=_TIMEOUT) as response:
        start, version = _parse_headers(url, response.status, response.headers)
        if start and (start != have or known is None or not known.same_as(version)):
            file.truncate(0)
            raise http.client.HTTPException(f"received bytes from {start} of another version, requested from {have}")
        if not start:
            file.truncate(0)
            write_atomically(_version_file(part), json.dumps(asdict(version)).encode())
        _append(response, file, start, version.size)


def _parse_headers(url: str, status: int, headers: Message) -> tuple[int, _Version]:
    """Position of the first byte in a response, and the identity of the file."""
    etag = headers.get("ETag", "")
    validator = headers.get("Last-Modified", "") if etag.startswith("W/") or not etag else etag
    text = headers.get("Content-Range", "") if status == 206 else f"bytes 0-/{headers.get('Content-Length', '')}"
    match = re.fullmatch(r"bytes (\d+)-\d*/(\d+)", text.strip())
    if match is None:
        raise UserError(f"{url}: the server does not announce the size of the file, so it can't be checked")
    return int(match[1]), _Version(url, int(match[2]), validator)


def _append(response: http.client.HTTPResponse, file: BinaryIO, start: int, size: int) -> None:
    done = start
    with progress(_megabytes(size), f"download {Path(file.name).stem}", "megabyte") as bar:
        bar.skip(_megabytes(start))
        try:
            while block := response.read1(_BLOCK):  # read() would lose what has arrived when the connection breaks
                file.write(block)
                bar.update(_megabytes(done + len(block)) - _megabytes(done))
                done += len(block)
        finally:
            file.flush()
    if done != size:
        raise http.client.HTTPException(f"connection closed after {done} of {size} bytes")


def _megabytes(count: int) -> int:
    return count // 1_000_000


def _read_version(part: Path, url: str) -> _Version | None:
    try:
        version = _Version(**json.loads(_version_file(part).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return version if version.url == url else None

"""Progress display with a rate: a tqdm bar on a terminal, otherwise a log line every few seconds."""

from __future__ import annotations

import logging
import sys
import time
from types import TracebackType

from tqdm import tqdm

_logger = logging.getLogger(__name__)


class Progress:
    """Context manager that counts finished units of work and displays them."""

    def __init__(self, total: int, description: str, unit: str, log_every: float, shown: bool) -> None:
        self._total, self._description, self._unit, self._log_every = total, description, unit, log_every
        self._done = self._skipped = 0
        self._started = self._logged = time.monotonic()
        self._bar = tqdm(total=total, desc=description, unit=unit) if shown and sys.stderr.isatty() else None
        self._shown = shown

    def print(self, line: str) -> None:
        """Prints a line on standard output, above the bar."""
        if self._bar is None:
            sys.stdout.write(f"{line}\n")
        else:
            self._bar.write(line, file=sys.stdout)

    def expect(self, total: int) -> None:
        """Corrects the expected units of work, which may become known along the way."""
        self._total = total
        if self._bar is not None:
            self._bar.total = total
            self._bar.refresh()

    def update(self, count: int = 1) -> None:
        """Counts units that were just finished."""
        self._done += count
        if self._bar is not None:
            self._bar.update(count)
        elif time.monotonic() - self._logged >= self._log_every:
            self._log()

    def skip(self, count: int) -> None:
        """Counts units that an earlier run finished: they are done, but do not contribute to the rate."""
        self._done += count
        self._skipped += count
        if self._bar is not None:
            self._bar.initial = self._bar.n = self._skipped
            self._bar.refresh()

    def _log(self) -> None:
        self._logged = time.monotonic()
        if not self._shown:
            return
        rate = (self._done - self._skipped) / max(self._logged - self._started, 1e-9)
        _logger.info(
            "%s: %d of %d %ss, %.1f %ss/s",
            self._description,
            self._done,
            self._total,
            self._unit,
            rate,
            self._unit,
        )

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
        else:
            self._log()


def progress(total: int, description: str, unit: str = "item", log_every: float = 10.0, shown: bool = True) -> Progress:
    """Starts a progress display.

    Args:
        total: expected units of work.
        description: what is being done, in a word or two.
        unit: name of one unit, in the singular.
        log_every: seconds between log lines if standard error is not a terminal.
        shown: false in all but one of several processes that do the same work.
    """
    return Progress(total, description, unit, log_every, shown)

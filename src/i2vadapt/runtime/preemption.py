"""A cluster that wants its node back: the signals it sends, and what training makes of them."""

from __future__ import annotations

import atexit
import logging
import multiprocessing.util  # registers its end, which must come after ours
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_logger = logging.getLogger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGUSR1)


class StopRequest:
    """Whether one of `SIGNALS` came."""

    def __init__(self) -> None:
        self.received = False

    def on_signal(self, number: int, _: FrameType | None) -> None:
        """Handler of the signals."""
        if not self.received:
            _logger.warning("%s: stopping after the step in hand", signal.Signals(number).name)
        self.received = True


@contextmanager
def stop_request() -> Iterator[StopRequest]:
    """Within, `SIGNALS` don't end the process but are noted."""
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request  # Python gives signals to the main thread only
        return
    before = {number: signal.signal(number, request.on_signal) for number in SIGNALS}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def ignore_signals(_: int) -> None:
    """For loader processes: a signal to the whole group must not end them before the step in hand is done."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@atexit.register
def _end_loader_processes() -> None:
    """Runs before multiprocessing's own end, which sends them SIGTERM and would wait for ever."""
    for process in multiprocessing.active_children():
        if process.daemon:
            process.kill()

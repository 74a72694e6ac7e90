"""Preemption: the signals by which a cluster asks for its node back, and how training reacts to them."""

from __future__ import annotations

import atexit
import logging
import multiprocessing.util  # registers its own exit handler, which must run after ours
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_logger = logging.getLogger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGUSR1)


class StopRequest:
    """Records whether one of `SIGNALS` was received."""

    def __init__(self) -> None:
        self.received = False

    def on_signal(self, number: int, _: FrameType | None) -> None:
        """Handles a signal."""
        if not self.received:
            _logger.warning("%s received: stopping after the current step", signal.Signals(number).name)
        self.received = True


@contextmanager
def stop_request() -> Iterator[StopRequest]:
    """Context in which `SIGNALS` do not end the process but are recorded."""
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request  # Python delivers signals to the main thread only
        return
    before = {number: signal.signal(number, request.on_signal) for number in SIGNALS}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def ignore_signals(_: int) -> None:
    """For loader processes: a signal to the whole process group must not end them before the current step is done."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@atexit.register
def _end_loader_processes() -> None:
    """Runs before multiprocessing's own exit handler: that sends SIGTERM, which they ignore, and waits for ever."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # PyTorch's handler would report their end as an error
    for process in multiprocessing.active_children():
        if process.daemon:
            process.kill()

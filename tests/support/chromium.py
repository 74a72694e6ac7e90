"""A headless Chromium, driven by its own protocol over two pipes, without any other package."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_TIMEOUT = 120.0  # seconds that an answer may take
_MOUSE = "primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,availablePointerTypes=4"


class Tab:
    """A tab of the browser.

    Attributes:
        events: events received from the browser, each with its method and parameters.
    """

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._to, self._from = to_browser, from_browser
        self._number, self._buffer, self._session = 0, b"", ""
        self.events: list[tuple[str, dict[str, Any]]] = []

    def attach(self) -> None:
        """Opens the tab."""
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **parameters: object) -> dict[str, Any]:
        """Calls a method of the protocol and returns its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        for answer in self._answers():
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result
        raise RuntimeError("unreachable")

    def _answers(self) -> Iterator[dict[str, Any]]:
        end = time.monotonic() + _TIMEOUT
        while True:
            while b"\0" in self._buffer:
                line, _, self._buffer = self._buffer.partition(b"\0")
                answer = json.loads(line)
                if "id" not in answer:
                    self.events.append((answer["method"], answer.get("params", {})))
                yield answer
            if not select.select([self._from], [], [], max(end - time.monotonic(), 0))[0]:
                raise TimeoutError("the browser does not answer")
            data = os.read(self._from, 1 << 20)
            if not data:
                raise RuntimeError("the browser has ended")
            self._buffer += data

    def open(self, page: Path) -> None:
        """Opens a file and waits until it and its pictures are loaded."""
        self.events.clear()
        self.send("Page.navigate", url=page.as_uri())
        while not any(method == "Page.loadEventFired" for method, _ in self.events):
            next(self._answers())

    def evaluate(self, expression: str) -> Any:
        """Value of a JavaScript expression, which may be a promise."""
        found = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            raise RuntimeError(str(found["exceptionDetails"]))
        return found["result"].get("value")

    def resize(self, width: int, height: int) -> None:
        """Sets the size of the window, pixels."""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def prefer(self, **features: str) -> None:
        """Sets preferences of the user, e.g. color_scheme="dark"."""
        named = [{"name": f"prefers-{name.replace('_', '-')}", "value": value} for name, value in features.items()]
        self.send("Emulation.setEmulatedMedia", features=named)

    def mouse(self, kind: str, x: float, y: float, **parameters: object) -> None:
        """Moves, presses or releases the mouse, see Input.dispatchMouseEvent."""
        self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, **parameters)

    def screenshot(self, out: Path, whole: bool = False) -> None:
        """Writes what is seen, or the whole page, as PNG."""
        data = self.send("Page.captureScreenshot", captureBeyondViewport=whole)["data"]
        out.write_bytes(base64.b64decode(data))


@contextmanager
def chromium(profile: Path) -> Iterator[Tab]:
    """Starts a browser that keeps its files in a folder, and yields a tab; ends the browser afterwards."""
    child_in, to_browser = os.pipe()
    from_browser, child_out = os.pipe()
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run"]
    options += [
        f"--blink-settings={_MOUSE}",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        f"--user-data-dir={profile}",
    ]

    def place_pipes() -> None:
        """The browser reads commands from file 3 and answers on file 4."""
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (child_in, child_out)]
        for number, end in enumerate(ends, 3):
            os.dup2(end, number)

    process = subprocess.Popen(
        [str(PROGRAM), *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        close_fds=False,  # all others are closed by exec
        preexec_fn=place_pipes,
        start_new_session=True,
    )
    os.close(child_in)
    os.close(child_out)
    tab = Tab(to_browser, from_browser)
    try:
        tab.attach()
        yield tab
    finally:
        os.close(to_browser)  # by which the browser ends
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        os.close(from_browser)

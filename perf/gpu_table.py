"""The table of `perf/gpu.py`: one row per measurement, printed at once, and how long an action takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch

COLUMNS = ("section", "measured", "per second", "unit", "notes")


@dataclass(frozen=True)
class Table:
    """Prints rows as they are measured.

    Attributes:
        section: name in the first column.
        markdown: whether to print Markdown.
        tiny: whether to measure tiny sizes, to try the script.
    """

    section: str
    markdown: bool
    tiny: bool

    def header(self) -> None:
        """Prints the head of the table."""
        self._print(*COLUMNS)
        if self.markdown:
            print("|--|--|--:|--|--|", flush=True)

    def row(self, measured: str, rate: float, unit: str, notes: str = "") -> None:
        """Prints a row.

        Args:
            measured: what was measured.
            rate: units per second.
            unit: name of the units.
            notes: comparisons.
        """
        self._print(self.section, measured, f"{rate:.1f}", unit, notes)

    def note(self, measured: str, notes: str) -> None:
        """Prints a row without a rate."""
        self._print(self.section, measured, "", "", notes)

    def _print(self, section: str, measured: str, rate: str, unit: str, notes: str) -> None:
        if self.markdown:
            print(f"| {section} | {measured} | {rate} | {unit} | {notes} |", flush=True)
        else:
            print(f"{section:9} {measured:52} {rate:>10} {unit:7} {notes}".rstrip(), flush=True)

    @contextmanager
    def attempt(self, measured: str) -> Iterator[None]:
        """Context in which a failure becomes a row, so that the next measurement is made."""
        try:
            yield
        except Exception as error:
            text = " ".join(str(error).split())[:200]
            self.note(measured, f"failed: {type(error).__name__}: {text}")


def texture(number: int, height: int, width: int) -> np.ndarray:
    """An image (height,width,3) uint8 with details of several sizes, whose JPEG is as large as that of a photograph."""
    rng = np.random.default_rng(number)
    layers = np.zeros((height, width, 3), np.float32)
    for sigma in (0.7, 2.5, 8.0, 30.0):
        layer = cv2.GaussianBlur(rng.normal(size=layers.shape).astype(np.float32), (0, 0), sigma)
        layers += layer / layer.std() * (0.2 if sigma < 1 else 1.0)
    return np.clip(128 + 30 * layers, 0, 255).astype(np.uint8)


def device() -> str:
    """Where the networks run: cuda, or cpu to try the script."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def finish() -> None:
    """Waits for the GPU."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def seconds_of(action: Callable[[], Any], patience: float, warm_up: bool = True) -> float:
    """Best time of an action, in seconds, of as many runs as fit into a time, at least one.

    Args:
        action: what to measure.
        patience: seconds to spend.
        warm_up: whether to run it once before.
    """
    if warm_up:
        action()
    finish()
    best, begun = float("inf"), time.perf_counter()
    while True:
        started = time.perf_counter()
        action()
        finish()
        best = min(best, time.perf_counter() - started)
        if time.perf_counter() - begun + best > patience:
            return best


def copied_bytes_per_second() -> float:
    """Bandwidth of a copy within the device's memory, bytes read and written per second."""
    count = 2**30 if torch.cuda.is_available() else 2**24
    source = torch.empty(count, dtype=torch.uint8, device=device())
    target = torch.empty_like(source)
    copies = 10
    seconds = seconds_of(lambda: [target.copy_(source) for _ in range(copies)], 0.5)
    return 2 * count * copies / seconds

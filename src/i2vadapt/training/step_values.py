"""Losses and accuracies of a training step, on their way from the device to the host."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor


class StepValues:
    """Collects the values of one step, copies them together, and hands them out later.

    Reading a value waits until the device has computed it. With one copy per step, read after the next step has been
    started, a GPU always has work.
    """

    def __init__(self) -> None:
        self._labels: list[tuple[str, float]] = []
        self._values: list[Tensor] = []
        self._copied: torch.cuda.Event | None = None

    def add(self, name: str, value: Tensor, weight: float) -> None:
        """Adds a value.

        Args:
            name: name of its mean.
            value: number on any device, all values on the same one.
            weight: weight in the mean.
        """
        self._labels.append((name, weight))
        self._values.append(value.detach().double())

    def send(self) -> None:
        """Starts to copy the values to the host."""
        values = torch.stack(self._values)
        self._values = [values]
        if values.device.type == "cuda":
            self._values = [torch.empty(values.shape, dtype=values.dtype, pin_memory=True)]
            self._values[0].copy_(values, non_blocking=True)
            self._copied = torch.cuda.Event()
            self._copied.record()

    def read(self) -> Iterator[tuple[str, float, float]]:
        """Waits for the copy and yields name, value and weight of each value."""
        if self._copied is not None:
            self._copied.synchronize()
        for (name, weight), value in zip(self._labels, self._values[0].tolist(), strict=True):
            yield name, value, weight

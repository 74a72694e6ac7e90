"""How often training clips of each pace were predicted to have each pace, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from i2vadapt.files.tables import write_table
from i2vadapt.runtime.process_group import ProcessGroup

Counts = list[list[int]]
"""Numbers of clips by true pace, then by predicted pace."""

COLUMNS = ("epoch", "pace", "predicted", "clips")


class PaceCounts:
    """Counts on the device, and waits for it once an epoch.

    Args:
        group: the processes, each of which counts its own clips.

    Attributes:
        epochs: counts of the finished epochs, summed over the processes; without a pace head, none.
    """

    def __init__(self, group: ProcessGroup) -> None:
        self._group = group
        self._running: Tensor | None = None
        self.epochs: dict[int, Counts] = {}

    def add(self, counts: Tensor) -> None:
        """Adds the counts (paces,paces) int64 of a step of this process."""
        self._running = counts if self._running is None else self._running.to(counts.device) + counts

    def finish(self, epoch: int) -> None:
        """Ends an epoch, counted from 1; called by all processes."""
        counts = self._total()
        if counts:
            self.epochs[epoch] = counts
        self._running = None

    def _total(self) -> Counts:
        parts = self._group.gather([] if self._running is None else self._running.tolist())
        found = [torch.tensor(part) for part in parts if part]
        return torch.stack(found).sum(dim=0).tolist() if found else []

    def state(self) -> dict[str, Any]:
        """The counts so far, with those of the unfinished epoch summed over the processes; called by all of them."""
        return {"epochs": self.epochs, "running": self._total()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Goes on from the result of `state`; the main process takes all counts of the unfinished epoch."""
        self.epochs = dict(state["epochs"])
        if state["running"] and self._group.is_main:
            self._running = torch.tensor(state["running"])


def write_pace_counts(path: Path, epochs: Mapping[int, Counts]) -> None:
    """Writes pace.csv: the clips of every epoch by true and predicted pace, both from 1; no file without counts."""
    rows = (
        {"epoch": epoch, "pace": pace, "predicted": predicted, "clips": clips}
        for epoch, counts in epochs.items()
        for pace, row in enumerate(counts, 1)
        for predicted, clips in enumerate(row, 1)
    )
    if epochs:
        write_table(path, COLUMNS, rows)

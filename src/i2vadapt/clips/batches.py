"""Which items make the batch of each step: the same for any number of processes, and after an interruption."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from i2vadapt.runtime.process_group import ProcessGroup

Sample = dict[str, Tensor]
"""A batch, or one item of it: `clip`, and `label`, `pace` or `index`; in training also its `share`, see `Part`."""

SOURCE, PACED, TARGET, ORDER = range(4)
"""Purposes of random numbers, so that no two share a generator."""


@dataclass(frozen=True)
class Part:
    """A process's part of the batch of a step.

    Attributes:
        items: numbers of items, at least one.
        share: of the batch; 0 for a process that none was left for, which takes one item all the same, so that all
            processes do the same steps.
    """

    items: list[int]
    share: float

    @classmethod
    def of(cls, batch: list[int], group: ProcessGroup) -> Part:
        """The part of one process."""
        mine = group.part(batch)
        return cls(mine or batch[:1], len(mine) / len(batch))


def in_order(count: int, size: int) -> list[list[int]]:
    """Batches of all items, in order."""
    return [list(range(start, min(start + size, count))) for start in range(0, count, size)]


def shuffled(count: int, size: int, steps: int, key: Sequence[int]) -> list[list[int]]:
    """Batches for a number of steps; when all items had their turn, all come again in another order.

    Args:
        count: items.
        size: of a batch; the last one of a round may be smaller.
        steps: batches wanted.
        key: decides the order.
    """
    batches: list[list[int]] = []
    while len(batches) < steps:
        order = np.random.default_rng([*key, len(batches)]).permutation(count).tolist()
        batches += [[order[place] for place in batch] for batch in in_order(count, size)]
    return batches[:steps]


def counted_videos(sample: Sample) -> int:
    """Videos of a training batch that count in the means of this process."""
    return len(sample["clip"]) if sample["share"] > 0 else 0

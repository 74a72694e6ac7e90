"""The items of each step's batch. They depend neither on the number of processes nor on interruptions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from i2vadapt.runtime.process_group import ProcessGroup

Sample = dict[str, Tensor]
"""A batch, or one item of it: `clip`, and `label`, `pace` or `index`; in training also `share`, see `Part`."""

SOURCE, PACED, TARGET, ORDER = range(4)
"""Purposes of random numbers; each has a generator of its own."""


@dataclass(frozen=True)
class Part:
    """The part of a step's batch that one process handles.

    Attributes:
        items: item numbers, at least one.
        share: share of the batch, 0 to 1. A batch with fewer items than processes leaves some processes with a share
            of 0; they still forward one item, so that all processes do the same steps.
    """

    items: list[int]
    share: float

    @classmethod
    def of(cls, batch: list[int], group: ProcessGroup) -> Part:
        """The part of this process.

        Args:
            batch: item numbers of the whole batch, at least one.
            group: the processes that share the batch.
        """
        items = group.part(batch)
        return cls(items or batch[:1], len(items) / len(batch))


def in_order(count: int, size: int) -> list[list[int]]:
    """Splits items into batches, in order.

    Args:
        count: number of items.
        size: batch size; the last batch may be smaller.

    Returns:
        Item numbers 0..count-1 of each batch.
    """
    return [list(range(start, min(start + size, count))) for start in range(0, count, size)]


def shuffled(count: int, size: int, steps: int, key: Sequence[int]) -> list[list[int]]:
    """Draws the batches of a number of steps; each round over all items has another order.

    Args:
        count: number of items.
        size: batch size; the last batch of a round may be smaller.
        steps: number of batches.
        key: seed of the order, a sequence of integers.

    Returns:
        Item numbers 0..count-1 of each batch.
    """
    batches: list[list[int]] = []
    while len(batches) < steps:
        order = np.random.default_rng([*key, len(batches)]).permutation(count).tolist()
        batches += [[order[place] for place in batch] for batch in in_order(count, size)]
    return batches[:steps]


def counted_videos(sample: Sample) -> int:
    """Number of videos of a training batch that count in the means of this process."""
    return len(sample["clip"]) if sample["share"] > 0 else 0

"""Mean of values that arrive in parts: the same bits as NumPy's mean of all of them together."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

_LEAF = 1 << 18  # values that NumPy sums at once, 1 MiB


class RunningMean:
    """Mean of float32 values of a known number.

    NumPy sums pairwise: it halves the values, down to small blocks, and adds the sums of the halves. The same tree is
    followed here from leaf to leaf, so the parts in which the values arrive do not change the result.

    Args:
        count: number of all values.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._sizes = _leaf_sizes(count)
        self._wanted = next(self._sizes)
        self._rest = np.empty(0, np.float32)
        self._sums: list[np.float32] = []

    def add(self, values: np.ndarray) -> None:
        """Adds the next values, float32 of any shape."""
        values = np.concatenate([self._rest, values.ravel()]) if self._rest.size else values.ravel()
        start = 0
        while self._wanted and values.size - start >= self._wanted:
            self._sums.append(np.add.reduce(values[start : start + self._wanted]))
            start += self._wanted
            self._wanted = next(self._sizes, 0)
        self._rest = values[start:].copy()

    def value(self) -> np.float32:
        """The mean, after all values have been added."""
        return np.float32(_combine(iter(self._sums), self._count) / self._count)


def _first_half(count: int) -> int:
    half = count // 2
    return half - half % 8


def _leaf_sizes(count: int) -> Iterator[int]:
    if count <= _LEAF:
        yield count
    else:
        yield from _leaf_sizes(_first_half(count))
        yield from _leaf_sizes(count - _first_half(count))


def _combine(sums: Iterator[np.float32], count: int) -> np.float32:
    if count <= _LEAF:
        return next(sums)
    first = _combine(sums, _first_half(count))
    return np.float32(first + _combine(sums, count - _first_half(count)))

"""Median filter for batches of images, built from minima and maxima alone so that it compiles to one kernel."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def median_filter(images: Tensor, size: int) -> Tensor:
    """Median of each pixel's neighbourhood; outside the image the edge pixels are repeated.

    Args:
        images: images (N,C,H,W).
        size: side of the neighbourhood, odd.

    Returns:
        Filtered images (N,C,H,W).
    """
    height, width = images.shape[-2:]
    reach = size // 2
    wide = functional.pad(images, (reach, reach, reach, reach), mode="replicate")
    # Each sorted column is shared by `size` neighbourhoods.
    columns = _sort([wide[..., k : k + height, :] for k in range(size)])
    table = [_sort([column[..., k : k + width] for k in range(size)]) for column in columns]
    return _median([table[i][j] for i in range(size) for j in range(size) if _may_be_median(i, j, size)])


def _may_be_median(i: int, j: int, size: int) -> bool:
    """Whether entry (i, j) of a table that ascends along rows and columns can be its median.

    (i + 1)(j + 1) entries, including itself, are no larger, and (size - i)(size - j) are no smaller. As many entries
    are ruled out for being too small as for being too large, so the median of the rest is the median of all.
    """
    half = (size * size + 1) // 2
    return (i + 1) * (j + 1) <= half and (size - i) * (size - j) <= half


def _exchange(values: list[Tensor], low: int, high: int) -> None:
    values[low], values[high] = torch.minimum(values[low], values[high]), torch.maximum(values[low], values[high])


def _sort(values: list[Tensor]) -> list[Tensor]:
    """Odd-even transposition sort."""
    values = list(values)
    for turn in range(len(values)):
        for low in range(turn % 2, len(values) - 1, 2):
            _exchange(values, low, low + 1)
    return values


def _median(values: list[Tensor]) -> Tensor:
    """Median of an odd number of values: among any half of them plus two, the smallest and largest can't be it."""
    kept, waiting = values[: len(values) // 2 + 2], values[len(values) // 2 + 2 :]
    while len(kept) > 1:
        for k in range(len(kept) - 1):
            _exchange(kept, k, len(kept) - 1)
        for k in range(1, len(kept) - 1):
            _exchange(kept, 0, k)
        kept = kept[1:-1]
        kept += waiting[:1]
        waiting = waiting[1:]
    return kept[0]

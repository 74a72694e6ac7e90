"""Relative position bias of BEiT for windows of any size, interpolated as in the MiDaS releases."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

_SPECIAL = 3  # last rows of a table: class token to patch, patch to class token, class token to itself


@lru_cache(maxsize=4)
def relative_position_index(grid: tuple[int, int], device: torch.device | None = None) -> Tensor:
    """Row of the bias table for each pair of tokens.

    Args:
        grid: rows and columns of patches (h, w).
        device: where the result is kept, since moving it takes a GPU as long as a few blocks; by default the CPU.

    Returns:
        int64 (T, T) with T = 1 + h * w, the class token first: table rows 0 to (2h - 1)(2w - 1) - 1 for pairs of
        patches, ordered by row offset, then column offset; after them the three special rows.
    """
    height, width = grid
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    row_offset = rows.reshape(-1, 1) - rows.reshape(1, -1) + height - 1
    column_offset = columns.reshape(-1, 1) - columns.reshape(1, -1) + width - 1
    offsets = (2 * height - 1) * (2 * width - 1)
    index = torch.empty((1 + height * width,) * 2, dtype=torch.int64)
    index[1:, 1:] = row_offset * (2 * width - 1) + column_offset
    index[0, :] = offsets
    index[:, 0] = offsets + 1
    index[0, 0] = offsets + 2
    return index.to(device)


def relative_position_bias(table: Tensor, trained: tuple[int, int], grid: tuple[int, int], index: Tensor) -> Tensor:
    """Bias that is added to the attention logits of every head.

    Args:
        table: ((2h' - 1)(2w' - 1) + 3, heads), for the grid (h', w') used in training.
        trained: that grid (h', w').
        grid: grid (h, w) of the input.
        index: `relative_position_index(grid)`.

    Returns:
        (heads, T, T).
    """
    if tuple(trained) != tuple(grid):
        offsets = table[:-_SPECIAL].reshape(1, 2 * trained[0] - 1, 2 * trained[1] - 1, -1).permute(0, 3, 1, 2)
        size = (2 * grid[0] - 1, 2 * grid[1] - 1)
        offsets = F.interpolate(offsets, size=size, mode="bilinear", align_corners=False)
        table = torch.cat((offsets[0].flatten(1).t(), table[-_SPECIAL:]))
    # Gathered head by head, the result needs no transposed copy of its T * T * heads values.
    return table.t().contiguous()[:, index.flatten()].unflatten(1, index.shape)

"""Reading depth checkpoints, without the keys of a release that are not loaded."""

from __future__ import annotations

from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from torch import Tensor

from i2vadapt.weights.reading import read_state

UNUSED_KEYS = {
    "relative_position_index": "BEiT: table of indices, determined by the window size",
    "mask_token": "DINOv2: stands for masked patches, in its own training only",
}
"""The only keys of a release that are not loaded (by the last part of the key), and why nothing is lost."""


def drop_unused(state: MutableMapping[str, Any]) -> None:
    """Removes the keys of `UNUSED_KEYS` in place."""
    for key in [key for key in state if key.rpartition(".")[2] in UNUSED_KEYS]:
        del state[key]


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """Reads the weights in a file as float32, without the keys that no network needs.

    Raises:
        UserError: see `read_state`.
    """
    state = read_state(path)
    drop_unused(state)
    return {key: value.float() if value.is_floating_point() else value for key, value in state.items()}

"""Reading depth checkpoints (`.pt` of the MiDaS releases, `.safetensors`) and refusing those that don't fit."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from i2vadapt.errors import UserError

RECOMPUTED_KEYS = {
    "relative_position_index": "BEiT: table of indices, follows from the window size",
}
"""The only keys of a release that are not loaded: last part of the key, and why nothing is lost."""

_SHOWN = 3  # keys named in an error


def drop_recomputed(state: MutableMapping[str, Any]) -> None:
    """Removes the keys of `RECOMPUTED_KEYS` in place."""
    for key in [key for key in state if key.rpartition(".")[2] in RECOMPUTED_KEYS]:
        del state[key]


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """Reads the weights in a file, without the keys that are recomputed.

    Args:
        path: `.safetensors`, or anything `torch.save` wrote: a state dict, or a dict with `optimizer` and `model`.

    Raises:
        UserError: no such file, unreadable, or no state dict in it.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such checkpoint file")
    try:
        if path.suffix == ".safetensors":
            content: object = load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise UserError(f"{path}: can't be read as a checkpoint ({_first_line(error)})") from error
    if isinstance(content, dict) and "optimizer" in content and "model" in content:
        content = content["model"]
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise UserError(f"{path}: holds no state dict (names with tensors)")
    state = dict(content)
    drop_recomputed(state)
    return {key: value.float() if value.is_floating_point() else value for key, value in state.items()}


def mismatch(state: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> str:
    """Says how two state dicts differ in names and shapes.

    Args:
        state: from a file.
        expected: of the network.

    Returns:
        A phrase naming the first few keys of each kind, or an empty string where they agree.
    """
    missing = [key for key in expected if key not in state]
    unexpected = [key for key in state if key not in expected]
    wrong = [
        f"{key} {tuple(state[key].shape)} instead of {tuple(expected[key].shape)}"
        for key in expected
        if key in state and state[key].shape != expected[key].shape
    ]
    kinds = (("missing", missing), ("unexpected", unexpected), ("of another shape", wrong))
    return "; ".join(f"{len(keys)} keys {kind} ({_shorten(keys)})" for kind, keys in kinds if keys)


def _shorten(keys: list[str]) -> str:
    return ", ".join(keys[:_SHOWN]) + (", …" if len(keys) > _SHOWN else "")


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]

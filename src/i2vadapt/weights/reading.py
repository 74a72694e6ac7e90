"""State dicts in files of weights: reading them, and comparing them with those of a network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from i2vadapt.errors import UserError
from i2vadapt.files.digests import file_digest
from i2vadapt.weights.files import StandIn, load_content

_PLACES = ("model", "state_dict", "model_state_dict", "model_state")
_WRAPPERS = ("module.", "_orig_mod.", "model.", "net.", "network.")
_SHOWN = 3  # keys listed in an error message


def read_state(path: Path) -> dict[str, Tensor]:
    """Reads a state dict to the CPU.

    Args:
        path: safetensors file or file of `torch.save`. Training checkpoints, with the state dict under `model`,
            `state_dict`, `model_state_dict` or `model_state`, are accepted too. A prefix that all names share because
            the network was wrapped, e.g. `module.` by `DataParallel` or `model.` by Lightning, is removed.

    Raises:
        UserError: if the file is missing, of another kind, damaged, contains no flat dictionary of tensors, or a value
            is not finite.
    """
    content = load_content(path)
    if isinstance(content, Mapping):
        parts = (content.get(key) for key in _PLACES)
        content = next((part for part in parts if isinstance(part, Mapping)), content)
    problem = _problem(content)
    if problem:
        raise UserError(f"{path}: must contain a dictionary of tensors, as saved from `state_dict()`, {problem}")
    state: dict[str, Tensor] = dict(content)  # type: ignore[call-overload]
    while prefix := next(
        (prefix for prefix in _WRAPPERS if state and all(key.startswith(prefix) for key in state)), ""
    ):
        state = {key.removeprefix(prefix): value for key, value in state.items()}
    check_finite(path, state)
    return state


def _problem(content: object) -> str:
    if isinstance(content, StandIn):
        return f"not an object of {_name(content)}"
    if not isinstance(content, Mapping):
        return f"not a {_name(content)}"
    for key, value in content.items():
        if not isinstance(key, str) or not isinstance(value, Tensor):
            return f"but {key!r} is a {_name(value)}"
        if value.layout is not torch.strided or value.is_quantized or value.is_meta:
            return f"but {key!r} is sparse, quantised or without values"
    return ""


def _name(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")


def check_finite(path: Path, state: Mapping[str, Any]) -> None:
    """Checks that the tensors of a state dict hold finite numbers: a network with others computes nothing but NaN.

    Args:
        path: file from which they were read, for the message.
        state: tensors by name; other values are left out.

    Raises:
        UserError: if a value is NaN or infinite; the message names the first tensor.
    """
    bad = [
        (key, int(value.numel() - count), value.numel())
        for key, value in state.items()
        if isinstance(value, Tensor)
        and value.is_floating_point()
        and (count := int(torch.isfinite(value if value.itemsize > 1 else value.float()).sum())) < value.numel()
    ]
    if bad:
        key, count, size = bad[0]
        more = f", and {len(bad) - 1} more tensors" if len(bad) > 1 else ""
        raise UserError(f"{path}: the weights hold NaN or infinity: {count} of {size} values of {key}{more}")


def weights_digest(path: Path) -> str:
    """SHA-256 of a file of weights. Raises UserError if there is no such file."""
    if not path.is_file():
        raise UserError(f"{path}: no such weights file")
    return file_digest(path)


def mismatch(state: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> str:
    """Describes how two state dicts differ in names and shapes.

    Args:
        state: state dict from a file.
        expected: state dict of the network.

    Returns:
        A phrase that lists the first few keys of each kind, or an empty string if there is no difference.
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

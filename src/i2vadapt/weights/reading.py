"""Reading files of weights without running code from them: `.safetensors`, and files written by `torch.save`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from i2vadapt.errors import UserError
from i2vadapt.files.digests import file_digest

SUFFIXES = (".safetensors", ".pt", ".pth", ".bin")
"""Suffixes of the files that can be read."""

_WRAPPER = "module."
_SHOWN = 3  # keys listed in an error message


def read_state(path: Path) -> dict[str, Tensor]:
    """Reads a state dict to the CPU.

    Args:
        path: file with one of `SUFFIXES`. Training checkpoints, with the state dict under `model` or `state_dict`, are
            accepted too, and so are names with the prefix `module.` from `DataParallel`.

    Raises:
        UserError: if the file is missing, of another kind, damaged, or contains no flat dictionary of tensors.
    """
    _check_there(path)
    if path.suffix not in SUFFIXES:
        raise UserError(f"{path}: unknown kind of weights file; allowed: {' '.join(SUFFIXES)}")
    try:
        # With weights_only, the unpickler builds tensors and plain containers and refuses to call anything else.
        safe = path.suffix == ".safetensors"
        content: object = load_file(path) if safe else torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from None
    except Exception as error:
        # These parsers raise nearly anything for damaged bytes: struct.error, IndexError, UnicodeDecodeError, ...
        raise UserError(f"{path}: not a readable weights file, or damaged ({type(error).__name__})") from error
    if isinstance(content, Mapping):
        parts = (content.get(key) for key in ("model", "state_dict"))
        content = next((part for part in parts if isinstance(part, Mapping)), content)
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise UserError(f"{path}: must contain a dictionary of tensors, as saved from `state_dict()`")
    wrapped = all(key.startswith(_WRAPPER) for key in content)
    return {key.removeprefix(_WRAPPER) if wrapped else key: value for key, value in content.items()}


def weights_digest(path: Path) -> str:
    """SHA-256 of a file of weights. Raises UserError if there is no such file."""
    _check_there(path)
    return file_digest(path)


def _check_there(path: Path) -> None:
    if not path.is_file():
        raise UserError(f"{path}: no such weights file")


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

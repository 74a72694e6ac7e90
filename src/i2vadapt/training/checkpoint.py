"""Checkpoints: written whole under a temporary name, then renamed; read without unpickling code."""

from __future__ import annotations

import fcntl
import io
import os
import pickle
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from i2vadapt.errors import UserError
from i2vadapt.files.atomic import write_atomically

FORMAT = 1
_PATIENCE = 12.0  # seconds


def save(path: Path, content: dict[str, Any]) -> None:
    """Saves tensors and plain data atomically."""
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, **content}, buffer)
    write_atomically(path, buffer.getvalue())


def load(path: Path) -> dict[str, Any]:
    """Reads a checkpoint of this package.

    Raises:
        UserError: if it is missing, damaged, or something else.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"{path}: no such checkpoint") from None
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]  # of an empty file: no text
        raise UserError(f"{path}: not a readable checkpoint ({reason})") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UserError(f"{path}: not a checkpoint of i2vadapt, or of another format than {FORMAT}")
    return content


def differences(old: Any, new: Any, key: str = "") -> list[str]:
    """Where two nested plain documents differ, as 'key: old, now new'."""
    if isinstance(old, dict) and isinstance(new, dict):
        names = [*old, *(name for name in new if name not in old)]
        return [
            line
            for name in names
            for line in differences(old.get(name), new.get(name), f"{key}.{name}" if key else str(name))
        ]
    return [] if old == new else [f"{key}: {_short(old)}, now {_short(new)}"]


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def random_state() -> dict[str, Any]:
    """State of PyTorch's generators (dropout); everything else is seeded by epoch and item."""
    state: dict[str, Any] = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def set_random_state(state: dict[str, Any]) -> None:
    """Restores what `random_state` gave."""
    torch.set_rng_state(state["cpu"])
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"])


def _lock(handle: int, folder: Path) -> None:
    """Loader processes of a killed training hold its lock until they look for their parent, every five seconds."""
    last = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > last:
                raise UserError(f"{folder}: another process is training here; wait for it or stop it first") from None
        time.sleep(0.2)


@contextmanager
def exclusive(folder: Path, needed: bool = True) -> Iterator[None]:
    """Keeps a second run from training in the same folder; of the processes of a run, one needs to.

    Raises:
        UserError: if another process does.
    """
    if not needed:
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        _lock(handle, folder)
        yield
    finally:
        os.close(handle)

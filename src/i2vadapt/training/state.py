"""State of an unfinished training: its random generators, and the comparison with the training that resumes it."""

from __future__ import annotations

from typing import Any

import torch


def differences(old: Any, new: Any, key: str = "") -> list[str]:
    """Lists the differences between two nested plain documents.

    Args:
        old: stored document.
        new: current document.
        key: key of the documents in their parent; "" for whole documents.

    Returns:
        One line per difference, `key: old, now new`.
    """
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
    """State of PyTorch's generators, which only dropout uses; everything else is seeded by epoch and item."""
    state: dict[str, Any] = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def set_random_state(state: dict[str, Any]) -> None:
    """Restores the state returned by `random_state`."""
    torch.set_rng_state(state["cpu"])
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"])

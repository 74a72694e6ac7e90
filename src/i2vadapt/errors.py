"""Exceptions that commands report to the user without a stack trace."""

from __future__ import annotations

ERROR_PREFIX = "i2vadapt: error: "
"""Beginning of the lines on which commands report a mistake."""


class UserError(Exception):
    """A mistake that the user can correct: the message names the file or key, the value, and what is allowed."""


class StageError(UserError):
    """A mistake that concerns the whole stage although one item shows it: the item is not left out, the stage ends."""


class Preempted(Exception):  # noqa: N818 - not a mistake
    """A signal asked to stop, and the state was saved: the same command resumes."""


def cause(error: BaseException) -> str:
    """What went wrong, in words that fit into one line, for an exception of any library."""
    if isinstance(error, MemoryError):
        return "not enough memory"
    text = getattr(error, "strerror", None) or str(error)
    return " ".join(str(text).split())[:300] or type(error).__name__

"""The exceptions that commands show to a user as a single line."""

from __future__ import annotations


class UserError(Exception):
    """Something the user can put right: the message names the file or key, the value, and what is allowed."""


class Preempted(Exception):  # noqa: N818 - not a mistake
    """A signal asked to stop, and the state was saved: the same command goes on."""

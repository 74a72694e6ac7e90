"""The one exception that commands show to a user as a single line."""

from __future__ import annotations


class UserError(Exception):
    """Something the user can put right: the message names the file or key, the value, and what is allowed."""

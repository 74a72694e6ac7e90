"""Limits of the system on this process."""

from __future__ import annotations

import resource
from contextlib import suppress

_ENOUGH = 1 << 16


def raise_open_file_limit() -> None:
    """Raises the number of files that may be open from the soft limit, often 256 or 1024, towards the hard one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))

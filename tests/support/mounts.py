"""Commands that see other file systems than everyone else."""

from __future__ import annotations

import shutil
import subprocess

import pytest

SMALL_SHARED_MEMORY = 'mount -t tmpfs -o size=200k tmpfs /dev/shm && exec "$@"'
NO_SHARED_MEMORY = 'mount -t tmpfs -o size=4k,ro tmpfs /dev/shm && exec "$@"'


def with_mounts(script: str, arguments: list[str]) -> list[str]:
    """Runs a command after mounting something that only it sees; where that is not allowed, the test skips."""
    inside = ["unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh"]
    if shutil.which("unshare") is None or subprocess.run([*inside, "true"], capture_output=True).returncode:
        pytest.skip("mounting needs root or user namespaces")
    return [*inside, *arguments]

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from i2vadapt.files.atomic import write_atomically
from i2vadapt.files.temporary import remove_abandoned, temporary_name


def test_only_files_of_ended_processes_of_this_machine_are_removed(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    path, host = tmp_path / "state.pt", socket.gethostname()
    mine = temporary_name(path)
    kept = [
        mine.name,
        f".other.pt.{host}-{ended.pid}-00000000.tmp",
        f".state.pt.elsewhere-{ended.pid}-00000000.tmp",
        ".state.pt.tmp",
    ]
    for name in [*kept, f".state.pt.{host}-{ended.pid}-00000000.tmp"]:
        (tmp_path / name).touch()
    remove_abandoned(path)
    assert sorted(os.listdir(tmp_path)) == sorted(kept)
    write_atomically(path, b"x")
    assert sorted(os.listdir(tmp_path)) == sorted([*kept, "state.pt"])
    assert oct(path.stat().st_mode & 0o777) == oct(0o666 & ~_umask())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

"""Files on file systems without locks, and on those that cannot flush folders."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from shims import FOLDERS_NOT_FLUSHED, NO_LOCKS, compile_shim

LOCK = """
import logging, pathlib, sys
from i2vadapt.files.locking import try_lock
logging.basicConfig(format="%(message)s")
with open(sys.argv[1], "ab") as file:
    print(try_lock(file.fileno(), pathlib.Path(sys.argv[1])))
"""
WRITE = """
import logging, pathlib, sys
from i2vadapt.data.shards.format import Encoded, write_shard_file
from i2vadapt.files.atomic import write_atomically
logging.basicConfig(format="%(message)s")
folder = pathlib.Path(sys.argv[1])
for name in ("a", "b"):
    write_atomically(folder / name, name.encode())
write_shard_file(folder / "shard.h5", "frames", [Encoded("x", 0, [b"12"], {})], {})
"""


def run(code: str, argument: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, str(argument)]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EINVAL, 524])
def test_without_locks_a_warning_names_the_file(tmp_path: Path, number: int) -> None:
    shim, file = compile_shim(tmp_path, "locks", NO_LOCKS), tmp_path / "file"
    done = run(LOCK, file, LD_PRELOAD=str(shim), LOCK_ERROR=str(number))
    assert done.stdout == "True\n"
    assert done.stderr.startswith(f"{file}: not locked, since its file system has no locks ({os.strerror(number)})")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.EACCES])
def test_a_lock_of_another_process_is_no_missing_lock(tmp_path: Path, number: int) -> None:
    shim = compile_shim(tmp_path, "locks", NO_LOCKS)
    done = run(LOCK, tmp_path / "file", LD_PRELOAD=str(shim), LOCK_ERROR=str(number))
    assert (done.stdout, done.stderr) == ("False\n", "")


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF])
def test_folders_that_cannot_be_flushed_are_one_warning(tmp_path: Path, number: int) -> None:
    shim, out = compile_shim(tmp_path, "flush", FOLDERS_NOT_FLUSHED), tmp_path / "out"
    done = run(WRITE, out, LD_PRELOAD=str(shim), FLUSH_ERROR=str(number))
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith(f"{out}: cannot be flushed to disk ({os.strerror(number)})")
    assert done.stderr.count("\n") == 1
    assert [(out / name).read_text() for name in "ab"] == ["a", "b"]


def test_a_broken_disk_is_an_error_with_the_name_of_the_file(tmp_path: Path) -> None:
    shim, out = compile_shim(tmp_path, "flush", FOLDERS_NOT_FLUSHED), tmp_path / "out"
    done = run(WRITE, out, LD_PRELOAD=str(shim), FLUSH_ERROR=str(errno.EIO))
    assert done.stderr.splitlines()[-1] == f"OSError: [Errno {errno.EIO}] {os.strerror(errno.EIO)}: '{out}'"


@pytest.mark.parametrize("wanted", ["TRUE", "BEST_EFFORT"])
def test_shards_are_written_and_read_without_hdf5_locks(tmp_path: Path, wanted: str) -> None:
    shim = compile_shim(tmp_path, "locks", NO_LOCKS)
    code = WRITE + "from i2vadapt.data.shards.reader import ShardReader\nprint(ShardReader(folder / 'shard.h5').ids)"
    locks = {"LD_PRELOAD": str(shim), "LOCK_ERROR": str(errno.ENOLCK), "HDF5_USE_FILE_LOCKING": wanted}
    done = run(code, tmp_path / "out", **locks)
    assert (done.stdout, done.stderr) == ("['x']\n", "")

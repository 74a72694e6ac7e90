"""Small C libraries that, loaded before all others, make a system call fail as on some file systems."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

NO_LOCKS = """
#include <errno.h>
#include <stdlib.h>
int flock(int handle, int operation) { errno = atoi(getenv("LOCK_ERROR")); return -1; }
"""
FOLDERS_NOT_FLUSHED = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
int fsync(int handle) {
  struct stat found;
  if (fstat(handle, &found) == 0 && S_ISDIR(found.st_mode)) { errno = atoi(getenv("FLUSH_ERROR")); return -1; }
  return ((int (*)(int)) dlsym(RTLD_NEXT, "fsync"))(handle);
}
"""


def compile_shim(folder: Path, name: str, source: str) -> Path:
    """Compiles a shim, the value of LD_PRELOAD; without a C compiler the test skips."""
    if shutil.which("gcc") is None:
        pytest.skip("no C compiler")
    library = folder / f"{name}.so"
    command = ["gcc", "-shared", "-fPIC", "-x", "c", "-o", str(library), "-", "-ldl"]
    subprocess.run(command, input=source, text=True, check=True)
    return library

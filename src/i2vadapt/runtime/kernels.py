"""Compilation of the package's functions by Numba, and the cache of their machine code.

Numba's own cache is keyed by the file that contains a function, so it keeps using stale code when a function or
constant of another file has changed. It also fails at import where neither the sources nor the home folder can be
written. This cache is keyed by the sources of all kernels, and is left out where no folder can be written.
"""

from __future__ import annotations

import logging
import os
import pickle
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

# No kernel runs in several threads by itself, and Numba fails on a number that it does not understand.
os.environ.pop("NUMBA_NUM_THREADS", None)
import numba
from numba.core.caching import NullCache
from numba.core.compiler import Compiler, CompileResult
from numba.core.serialize import dumps

from i2vadapt.files.atomic import write_atomically
from i2vadapt.files.digests import data_digest
from i2vadapt.runtime.kernel_folder import kernel_folder
from i2vadapt.runtime.kernel_sources import KernelSources, read_kernel_sources

# Numba infers the types in a kernel. Those in its signature are for readers and not checked against its callers.
Decorator = Callable[[Callable[..., Any]], Any]

_logger = logging.getLogger(__name__)


def kernel(*, fastmath: bool = False, noalias: bool = False) -> Decorator:
    """Decorator that compiles a function at its first call and caches the machine code.

    The function runs without Python's global interpreter lock. Divisions by zero follow IEEE 754, as in NumPy.

    Args:
        fastmath: whether the compiler may reorder sums and ignore infinities and NaN.
        noalias: promise that no call reads through one argument what it writes through another. Without it, the
            compiler cannot prove that ten arrays are distinct and processes one element at a time.
    """
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": fastmath}
    if noalias:
        options["pipeline_class"] = _NoAlias

    def compiled(function: Callable[..., Any]) -> Any:
        dispatcher: Any = numba.njit(**options)(function)
        kept = _kept()
        # NUMBA_DISABLE_JIT leaves functions as they are.
        if kept and _is_digested(function, kept[0]) and not numba.config.DISABLE_JIT:
            dispatcher._cache = _KernelCache(function, repr(options), *kept)
        return dispatcher

    return compiled


def inlined(function: Callable[..., Any]) -> Any:
    """Decorator that inlines a small function into the kernels that call it, before Numba optimises them."""
    return numba.njit(inline="always")(function)


class _NoAlias(Compiler):
    def compile_extra(self, func: Callable[..., Any]) -> Any:
        self.state.flags.noalias = True
        return super().compile_extra(func)


class _KernelCache(NullCache):
    """Machine code of one kernel, one file for each combination of argument types.

    Files have unique names and are written atomically, so processes need no lock.
    """

    def __init__(self, function: Callable[..., Any], options: str, sources: KernelSources, folder: Path) -> None:
        code = function.__code__
        self._name = f"{function.__module__}.{function.__qualname__}"
        self._key = [numba.__version__, sys.implementation.cache_tag, options, code.co_firstlineno, code.co_code.hex()]
        self._sources = sources
        self._folder = folder

    @property
    def cache_path(self) -> str:
        return str(self._folder)

    def load_overload(self, sig: Any, target_context: Any) -> CompileResult | None:
        target_context.refresh()
        try:
            kept_sig, result = pickle.loads(self._file(sig, target_context.codegen()).read_bytes())
        except Exception:  # a damaged file may raise anything
            return None
        return CompileResult._rebuild(target_context, *result) if kept_sig == sig else None

    def save_overload(self, sig: Any, result: CompileResult) -> None:
        # After a pull, the functions of this process no longer match the sources by which new processes look up code.
        if result.library.has_dynamic_globals or not self._sources.are_unchanged():
            return
        try:
            write_atomically(self._file(sig, result.library.codegen), dumps((sig, result._reduce())))
        except OSError as error:  # e.g. a full disk: this process can still use the compiled code
            _logger.debug("%s: not cached: %s", self._name, error)

    def _file(self, sig: Any, codegen: Any) -> Path:
        return self._folder / f"{self._name}-{data_digest([*self._key, str(sig), codegen.magic_tuple()])}.kernel"


def _is_digested(function: Callable[..., Any], sources: KernelSources) -> bool:
    """Whether the digest covers everything from which a function is compiled."""
    # It does not cover functions of other packages, values captured by closures, and modules imported after a pull.
    return function.__module__ in sources.files and not function.__closure__ and sources.are_unchanged()


@cache
def _kept() -> tuple[KernelSources, Path] | None:
    """The sources of the package's kernels and the folder of their machine code, or None if nothing can be cached."""
    try:
        sources = read_kernel_sources(Path(__file__).parents[1], __name__)
    except OSError:
        return None
    folder = kernel_folder(sources.digest, numba.config.CACHE_DIR)
    return None if folder is None else (sources, folder)

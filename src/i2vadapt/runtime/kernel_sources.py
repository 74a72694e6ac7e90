"""The sources of compiled kernels, and their digest.

Numba compiles the functions that a kernel calls and the constants that it reads into the kernel, and some of them are
defined in other files. The sources are therefore the modules that contain kernels and every module of the package that
these import, directly or indirectly.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import resolve_name
from pathlib import Path

from i2vadapt.files.digests import data_digest, file_digest


@dataclass(frozen=True)
class KernelSources:
    """Sources of the kernels at one point in time.

    Attributes:
        files: source files by module name.
        digest: digest of the module names and file contents.
        stamps: modification time (nanoseconds) and size (bytes) of each file.
    """

    files: Mapping[str, Path]
    digest: str
    stamps: tuple[tuple[int, int], ...]

    def are_unchanged(self) -> bool:
        """Whether the files still match the digest, judged by their modification times and sizes."""
        try:
            return _stamps(self.files) == self.stamps
        except OSError:
            return False


def read_kernel_sources(package: Path, compiler: str) -> KernelSources:
    """Finds and digests the sources of a package's kernels.

    Args:
        package: folder of the package.
        compiler: name of the module that compiles kernels; every module that imports it counts as a source.

    Raises:
        OSError: if a file cannot be read.
    """
    files = _kernel_files(package, compiler)
    stamps = _stamps(files)  # before the contents, so that a change in between is noticed
    return KernelSources(files, data_digest({name: file_digest(file) for name, file in files.items()}), stamps)


def _kernel_files(package: Path, compiler: str) -> dict[str, Path]:
    modules = {_module_name(package, file): file for file in package.rglob("*.py")}
    # Only files that mention the compiler are parsed: parsing all of them would take a second.
    word = compiler.rpartition(".")[2].encode()
    imports = {name: _imports(name, file) for name, file in modules.items() if word in file.read_bytes()}
    waiting = [name for name, imported in imports.items() if compiler in imported]
    found: dict[str, Path] = {}
    while waiting:
        name = waiting.pop()
        if name in modules and name not in found:
            found[name] = modules[name]
            waiting += imports[name] if name in imports else _imports(name, found[name])
    return dict(sorted(found.items()))


def _module_name(package: Path, file: Path) -> str:
    parts = file.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(module: str, file: Path) -> set[str]:
    """Names that a module imports at its top level; some are modules, others functions or constants."""
    package = module if file.stem == "__init__" else module.rpartition(".")[0]
    names: set[str] = set()
    with suppress(SyntaxError, ValueError):  # such a file, e.g. one being edited, cannot be imported either
        statements: list[ast.AST] = [ast.parse(file.read_bytes())]
        while statements:
            statement = statements.pop()
            if isinstance(statement, ast.Import):
                names.update(alias.name for alias in statement.names)
            elif isinstance(statement, ast.ImportFrom):
                origin = resolve_name("." * statement.level + (statement.module or ""), package)
                names.update([origin, *(f"{origin}.{alias.name}" for alias in statement.names)])
            elif isinstance(statement, ast.Module | ast.If | ast.Try | ast.ExceptHandler | ast.With):
                statements += ast.iter_child_nodes(statement)
    return names


def _stamps(files: Mapping[str, Path]) -> tuple[tuple[int, int], ...]:
    found = [file.stat() for file in files.values()]
    return tuple((stat.st_mtime_ns, stat.st_size) for stat in found)

"""A conda channel in a folder: the running interpreter and the installed packages, under conda-forge's names."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import sys
import sysconfig
import tarfile
from importlib.metadata import version
from pathlib import Path

import yaml
from rattler import MatchSpec
from rattler.index import index_fs

PYPI_NAMES = {"pytorch": "torch"}
SUBDIR = "linux-64"
LEFT_OUT = {"site-packages", "test", "__pycache__", "idlelib", "ensurepip", "lib2to3", "tkinter"}


def write_channel(folder: Path, environment: Path) -> None:
    """Makes packages of all that an environment file asks of conda, in the versions that run the tests.

    The interpreter is packed whole. The others are a `.pth` file that leads to what is installed; they are there for
    their versions, which are solved for real. PyTorch has two builds, as on conda-forge: one needs a GPU's driver.

    Args:
        folder: of the channel; it must not exist.
        environment: environment file.
    """
    (folder / SUBDIR).mkdir(parents=True)
    (folder / "noarch").mkdir()
    site = f"lib/python3.{sys.version_info.minor}/site-packages"
    for line in yaml.safe_load(environment.read_text())["dependencies"]:
        if isinstance(line, dict):
            continue
        name = MatchSpec(line).name
        assert name is not None
        package = name.normalized
        if package == "python":
            write_package(folder, package, sys.version.split()[0], interpreter_files(), [])
            continue
        path = {f"{site}/{package}.pth": f"{sysconfig.get_path('purelib')}\n".encode()}
        number = version(PYPI_NAMES.get(package, package))
        builds = {"cpu_0": [], "cuda_1": ["__cuda"]} if package == "pytorch" else {"0": []}
        for build, needs in builds.items():
            write_package(folder, package, number.split("+")[0], path, ["python", *needs], build)
    asyncio.run(index_fs(folder))


def interpreter_files() -> dict[str, bytes]:
    """Files of the running interpreter by their place in an environment."""
    root = Path(sys.base_prefix)
    library = root / "lib" / f"python3.{sys.version_info.minor}"
    paths = [path for path in library.rglob("*") if path.is_file() and not LEFT_OUT & set(path.relative_to(root).parts)]
    program = Path(sys.executable).resolve().read_bytes()
    names = ("python", "python3", f"python3.{sys.version_info.minor}")
    files = {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}
    return {**{f"bin/{name}": program for name in names}, **files}


def write_package(
    channel: Path, name: str, number: str, files: dict[str, bytes], needs: list[str], build: str = "0"
) -> None:
    """Writes one package (.tar.bz2) into a channel."""
    index = {
        "name": name,
        "version": number,
        "build": build,
        "build_number": int(build.split("_")[-1]),
        "depends": needs,
        "subdir": SUBDIR,
        "arch": "x86_64",
        "platform": "linux",
    }
    entries = [
        {
            "_path": path,
            "path_type": "hardlink",
            "sha256": hashlib.sha256(content).hexdigest(),
            "size_in_bytes": len(content),
        }
        for path, content in files.items()
    ]
    about = {
        "info/index.json": json.dumps(index).encode(),
        "info/paths.json": json.dumps({"paths": entries, "paths_version": 1}).encode(),
    }
    archive = channel / SUBDIR / f"{name}-{number}-{build}.tar.bz2"
    with tarfile.open(archive, "w:bz2", compresslevel=1) as tar:
        for path, content in {**about, **files}.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            member.mode = 0o755 if path.startswith("bin/") else 0o644
            tar.addfile(member, io.BytesIO(content))

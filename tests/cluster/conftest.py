from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from coordinator import Coordinator
from mini_slurm import MiniSlurm, missing_programs
from small_project import write_data


@pytest.fixture(scope="session")
def cluster() -> Iterator[MiniSlurm]:
    """A running cluster; without SLURM the tests skip."""
    missing = missing_programs()
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)} (Debian: slurm-wlm munge)")
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))  # not pytest's: sockets have short names
    try:
        running = MiniSlurm(folder)
        yield running
        running.stop()
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of photographs and a folder of videos."""
    folder = tmp_path_factory.mktemp("data")
    write_data(folder)
    return folder


@pytest.fixture(scope="session")
def finished(cluster: MiniSlurm, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coordinator]:
    """A project after one whole undisturbed run on the cluster."""
    coordinator = Coordinator(cluster, tmp_path_factory.mktemp("cluster") / "a project", data)  # the space is meant
    output = coordinator.run()
    (coordinator.project.folder / "output.txt").write_text(output)
    yield coordinator
    shutil.rmtree(coordinator.project.folder)


@pytest.fixture
def empty(finished: Coordinator, data: Path, tmp_path: Path) -> Iterator[Coordinator]:
    """A project in which nothing has run."""
    yield Coordinator(finished.cluster, tmp_path / "project", data)
    shutil.rmtree(tmp_path)


@pytest.fixture
def fresh(finished: Coordinator, empty: Coordinator) -> Coordinator:
    """A project that has the depth of its photographs and no more."""
    empty.take(finished, "frames", "flow", "my-videos")
    return empty


@pytest.fixture
def untrained(finished: Coordinator, empty: Coordinator) -> Coordinator:
    """A project that has all its shards and nothing else."""
    empty.take(finished)
    return empty


@pytest.fixture
def copy(finished: Coordinator, empty: Coordinator) -> Coordinator:
    """A copy of the finished project."""
    for name in ("results", ".snakemake"):
        shutil.copytree(finished.project.folder / name, empty.project.folder / name)
    return empty

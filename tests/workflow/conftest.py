from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_project import Project, make_project, write_data


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of photographs and a folder of videos."""
    folder = tmp_path_factory.mktemp("data")
    write_data(folder)
    return folder


@pytest.fixture(scope="session")
def finished(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project after one whole run. Tests that change it put it back, or work on a copy."""
    folder = tmp_path_factory.mktemp("workflow") / "a project"  # the space is meant
    project = make_project(folder, data)
    output = project.succeed()
    (folder / "output.txt").write_text(output)
    yield project
    shutil.rmtree(folder)


@pytest.fixture
def fresh(data: Path, tmp_path: Path) -> Iterator[Project]:
    """A project in which nothing has run."""
    yield make_project(tmp_path / "project", data)
    shutil.rmtree(tmp_path)


@pytest.fixture
def copy(finished: Project, tmp_path: Path) -> Iterator[Project]:
    """A copy of the finished project, without its runs, methods and reports."""
    folder = tmp_path / "copy"
    shutil.copytree(finished.folder, folder, symlinks=True, ignore=shutil.ignore_patterns("runs", "methods", "reports"))
    yield Project(folder)
    shutil.rmtree(tmp_path)

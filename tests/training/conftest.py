from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny_data import write_datasets


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Tiny datasets of both domains."""
    root = tmp_path_factory.mktemp("tiny")
    write_datasets(root)
    yield root
    shutil.rmtree(root)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A run's folder; states of 200 MB are not kept after the test."""
    yield tmp_path / "run"
    shutil.rmtree(tmp_path)

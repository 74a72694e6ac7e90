"""One thread for every test: two cores shared by many threads make small tensors slower, not faster."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest
import torch
from hypothesis import settings

if not torch.cuda.is_available():  # read when Numba is first imported, so set before the tests are
    os.environ.setdefault("NUMBA_ENABLE_CUDASIM", "1")

torch.set_num_threads(1)
cv2.setNumThreads(1)
settings.register_profile("any machine", deadline=None)  # a busy one takes ten times as long
settings.load_profile("any machine")

SLOW = ("workflow", "faults")
"""Folders of tests that run whole workflows or kill processes; other slow tests are marked one by one."""
SHARED = Path(os.environ.get("I2VADAPT_SHARED", Path(__file__).resolve().parents[2] / "shared"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kills", type=int, default=2, help="random moments at which each stage is killed (2)")
    parser.addoption("--fuzz", type=int, default=40, help="damaged files of each kind that are tried (40)")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def is_slow(item: pytest.Item) -> bool:
        return item.path.relative_to(Path(__file__).parent).parts[0] in SLOW

    for item in filter(is_slow, items):
        item.add_marker(pytest.mark.slow)
    items.sort(key=is_slow, reverse=True)  # or one process ends long after the others


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real photographs and clips, which are not part of the project; tests that want it skip without it."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}")
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Tiny datasets of both domains."""
    from tiny_data import write_datasets

    root = tmp_path_factory.mktemp("tiny")
    write_datasets(root)
    yield root
    shutil.rmtree(root)


@pytest.fixture(scope="module")
def data_with_photographs(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The tiny data with red and green photographs, which networks of single frames read."""
    from tiny_data import write_photographs

    root = tmp_path_factory.mktemp("photographs") / "data"
    shutil.copytree(data, root)
    write_photographs(root / "source")
    yield root
    shutil.rmtree(root)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A run's folder; states of 200 MB are not kept after the test."""
    yield tmp_path / "run"
    shutil.rmtree(tmp_path)


@pytest.fixture
def quick_random_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain normal draws as the initial weights of transformers, where cutting off the ends would take seconds."""
    monkeypatch.setattr(torch.nn.init, "trunc_normal_", torch.nn.init.normal_)


@pytest.fixture
def weights_are_removed(tmp_path: Path) -> Iterator[None]:
    """Empties the temporary folder of a test, which pytest would keep, after files of a hundred megabytes."""
    yield
    shutil.rmtree(tmp_path)

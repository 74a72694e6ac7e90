"""One thread for every test: two cores shared by many threads make small tensors slower, not faster."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import pytest
import torch

torch.set_num_threads(1)
cv2.setNumThreads(1)

SHARED = Path(os.environ.get("I2VADAPT_SHARED", Path(__file__).resolve().parents[2] / "shared"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kills", type=int, default=2, help="random moments at which each stage is killed (2)")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real photographs and clips, which are not part of the project; tests that want it skip without it."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}")
    return folder

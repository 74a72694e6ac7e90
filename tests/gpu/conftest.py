"""Tests that need an NVIDIA GPU, run by `make gpu`; without one they skip."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def gpu() -> str:
    """The device of the tests."""
    if not torch.cuda.is_available() or torch.version.cuda is None:
        pytest.skip("no NVIDIA GPU")
    return "cuda"

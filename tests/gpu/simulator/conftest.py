"""Tests of the CUDA kernels: on a GPU where there is one, else in Numba's simulator (see `tests/conftest.py`)."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session", autouse=True)
def gpu() -> str:
    """Replaces the fixture that skips without a GPU."""
    return "simulator"

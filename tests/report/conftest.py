"""Fixtures of the report's tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_results import write_results

from i2vadapt.layout import Results


@pytest.fixture
def results(tmp_path: Path) -> Results:
    """Results of a benchmark whose target has labels."""
    return write_results(tmp_path, labelled=True)


@pytest.fixture
def unlabelled_results(tmp_path: Path) -> Results:
    """The same without target labels."""
    return write_results(tmp_path, labelled=False)

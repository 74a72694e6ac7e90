from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from saved_method import save_method


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """See `saved_method.save_method`."""
    root = tmp_path_factory.mktemp("classifier")
    save_method(root)
    yield root
    shutil.rmtree(root)

"""A job that fails is done again, nothing behind it reports, and going back to the old settings takes the work back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from failures import FAILURES, costly, restore
from small_project import Project


@pytest.fixture
def whole(finished: Project, tmp_path: Path) -> Iterator[Project]:
    """A copy of the finished project."""
    shutil.copytree(finished.folder, tmp_path / "whole", symlinks=True)
    yield Project(tmp_path / "whole")
    shutil.rmtree(tmp_path)


@pytest.mark.parametrize("rule", FAILURES)
def test_a_failed_job(whole: Project, finished: Project, rule: str) -> None:
    page = whole.folder / "results/reports/mine/report.html"
    before, reported = costly(whole), page.read_bytes()
    FAILURES[rule].cause(whole)
    force = ["--forcerun", rule] if rule in ("fuse", "report") else []  # nothing else asks for these again
    for arguments in (force, []):
        failed = whole.run(*arguments)
        assert failed.returncode == 1, failed.stdout
        assert FAILURES[rule].message in failed.stdout
        assert "Report:" not in failed.stdout
        for target in ([], ["results/reports/mine/report.html"]):
            assert rule in whole.plan(*target), failed.stdout
        assert page.read_bytes() == reported if page.exists() else rule == "report"
    restore(whole, finished)
    whole.succeed()
    assert costly(whole) == before
    assert whole.shards() == finished.shards()
    assert whole.plan() == {}

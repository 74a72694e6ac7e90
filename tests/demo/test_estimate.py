from __future__ import annotations

import re
from pathlib import Path

import pytest

from i2vadapt.demo.estimate import describe_estimate
from i2vadapt.errors import UserError

WORKFLOW = Path(__file__).parents[2] / "workflow"


def test_the_estimate_names_minutes_cores_and_its_reason() -> None:
    line = describe_estimate(2, WORKFLOW)
    found = re.fullmatch(
        r"The demo will take about (\d+) minutes on 2 cores \(training: (\d+) clips per second and core\)\.", line
    )
    assert found
    minutes, rate = map(int, found.groups())
    assert 2 < minutes < 120
    assert rate > 0


def test_outside_the_project_the_estimate_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no folder .*workflow here; run it in the folder of the project"):
        describe_estimate(2, tmp_path / "workflow")

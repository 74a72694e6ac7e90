from __future__ import annotations

from collections.abc import Iterator

import pytest
from killing import Forks, Outcome
from stage_data import STAGES, StageData, write_stage_data


@pytest.fixture(scope="session")
def kills(pytestconfig: pytest.Config) -> int:
    """How many random moments each stage is killed at."""
    return int(pytestconfig.getoption("--kills"))


@pytest.fixture(scope="session")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    with Forks(tmp_path_factory.mktemp("forks")) as warm:
        yield warm


@pytest.fixture(scope="session")
def stage_data(tmp_path_factory: pytest.TempPathFactory) -> StageData:
    folder = tmp_path_factory.mktemp("stages")
    write_stage_data(folder)
    return StageData(folder)


@pytest.fixture(scope="session")
def whole(forks: Forks, stage_data: StageData) -> dict[str, Outcome]:
    """Uninterrupted runs of all stages."""
    outcomes = {}
    for stage in STAGES:
        outcomes[stage] = forks.run(stage_data.command(stage, stage_data.shard(stage)))
        assert outcomes[stage].status == 0, outcomes[stage].log
    return outcomes

"""The stages of preprocessing, killed with kill -9 at random moments and started again."""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from killing import Forks, Moment, Outcome
from stage_data import BROKEN, ITEMS, STAGES, StageData

from i2vadapt.data.shards.build import BATCH_ITEMS
from i2vadapt.data.shards.reader import ShardReader


def done_before(log: str) -> int:
    """Items that a resumed run did not do again, as it says itself."""
    found = re.search(r"(\d+) of \d+ \w+ were already done", log)
    return int(found.group(1)) if found else 0


@pytest.mark.parametrize("stage", STAGES)
def test_killed_at_random_moments_and_resumed(
    stage: str, forks: Forks, stage_data: StageData, whole: dict[str, Outcome], kills: int, tmp_path: Path
) -> None:
    expected = stage_data.shard(stage).read_bytes()
    rng = np.random.default_rng([5, STAGES.index(stage)])
    a_moment = whole[stage].seconds / ITEMS
    inside = 0
    for number in range(kills):
        moment = Moment(int(rng.integers(ITEMS + 1)), float(rng.uniform(0, 2 * a_moment)))
        out = tmp_path / f"{number}" / "0000.h5"
        command = stage_data.command(stage, out)
        killed = forks.run(command, moment)
        inside += killed.status == -9 and killed.items > 0
        resumed = forks.run(command)
        assert resumed.status == 0, resumed.log
        assert out.read_bytes() == expected
        assert os.listdir(out.parent) == [out.name]
        if "up to date" in resumed.log:
            assert resumed.items == 0
            continue
        kept = done_before(resumed.log)
        assert kept + resumed.items == whole[stage].items
        assert killed.items - kept <= BATCH_ITEMS, f"{moment}: {killed.items} done, {kept} kept"
    print(f"{stage}: {inside} of {kills} kills inside the work, {whole[stage].seconds:.2f} s long")
    assert inside >= kills // 2 or kills < 10  # two moments may both fall before the first batch


def test_two_writers_of_one_shard(stage_data: StageData, whole: dict[str, Outcome], tmp_path: Path) -> None:
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
    with Forks(folders[0]) as first, Forks(folders[1]) as second, ThreadPoolExecutor(2) as pool:
        for stage in STAGES:
            out = tmp_path / stage / "0000.h5"
            command = stage_data.command(stage, out)
            outcomes = [future.result() for future in [pool.submit(writer.run, command) for writer in (first, second)]]
            assert [outcome.status for outcome in outcomes] == [0, 0], "\n".join(outcome.log for outcome in outcomes)
            assert out.read_bytes() == stage_data.shard(stage).read_bytes()
            assert os.listdir(out.parent) == [out.name]


def test_the_uninterrupted_shards_hold_every_item_or_its_failure(
    whole: dict[str, Outcome], stage_data: StageData
) -> None:
    for stage in STAGES:
        reader = ShardReader(stage_data.shard(stage))
        suffix = ".mp4" if stage in ("decode", "flow") else ".png"
        wanted = [f"{number:02d}{suffix}" for number in range(ITEMS)]
        broken = wanted.pop(BROKEN)
        assert reader.ids == wanted
        assert reader.labels.tolist() == [int(name[:2]) % 2 for name in wanted]
        assert [failure.id for failure in reader.failures] == ([broken] if stage in ("depth", "decode") else [])

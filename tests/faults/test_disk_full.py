"""A disk that is full for real, where a small one may be mounted."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from killing import Forks, Outcome
from stage_data import STAGES, StageData


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("mounting a disk needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("stage", STAGES)
def test_a_full_disk_is_one_line_and_with_room_the_stage_goes_on(
    stage: str, small_disk: Path, forks: Forks, stage_data: StageData, whole: dict[str, Outcome]
) -> None:
    size = stage_data.shard(stage).stat().st_size
    filler = small_disk / "filler"
    filler.write_bytes(bytes(max(256 * 1024 - size, 0)))
    out = small_disk / "0000.h5"
    full = forks.run(stage_data.command(stage, out))
    assert full.status == 1, full.log
    assert "Traceback" not in full.log
    assert len([line for line in full.log.splitlines() if "i2vadapt: error: " in line]) == 1
    assert "the disk is full" in full.log
    assert not out.exists()
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    again = forks.run(stage_data.command(stage, out))
    assert again.status == 0, again.log
    assert out.read_bytes() == stage_data.shard(stage).read_bytes()
    assert sorted(os.listdir(small_disk)) == ["0000.h5", "filler"]

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from i2vadapt.data.items import Item
from i2vadapt.data.shards.build import BATCH_ITEMS, build_shard, make_provenance
from i2vadapt.data.shards.format import Encoded, Failed
from i2vadapt.data.shards.reader import ShardReader
from i2vadapt.errors import UserError
from i2vadapt.files import superseded

ITEMS = [Item(f"item{number}", "", "", number, "") for number in range(3 * BATCH_ITEMS + 5)]
# A stage whose items take a moment, run in a process of its own that can be killed.
SLOW_STAGE = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.data.test_shard_build import ITEMS, encode, provenance
from i2vadapt.data.shards.build import build_shard
def process(items):
    for item in items:
        time.sleep(0.004)
        yield encode(item)
build_shard(Path(sys.argv[1]), "frames", ITEMS, process, provenance(), 0.05)
"""


def encode(item: Item) -> Encoded:
    data = np.random.default_rng(item.label).bytes(500)
    return Encoded(item.id, item.label, [data[:200], data[200:]], {"n": item.label})


def provenance(**settings: object) -> dict[str, object]:
    return make_provenance("test", 1, dict(settings), {"items": "digest"})


class Stage:
    """Counts what it is asked to do, and may stop half-way."""

    def __init__(self, stop_after: int = 10**9, failing: Sequence[str] = ()) -> None:
        self.done: list[str] = []
        self._stop_after, self._failing = stop_after, failing

    def __call__(self, items: Sequence[Item]) -> Iterator[Encoded | Failed]:
        for item in items:
            if len(self.done) >= self._stop_after:
                raise KeyboardInterrupt
            self.done.append(item.id)
            yield Failed(item.id, "broken") if item.id in self._failing else encode(item)


def build(out: Path, stage: Stage, share: float = 0.05, **settings: object) -> None:
    build_shard(out, "frames", ITEMS, stage, provenance(**settings), share)


def test_an_interrupted_shard_redoes_the_batch_in_hand_and_nothing_else(tmp_path: Path) -> None:
    build(tmp_path / "whole.h5", Stage())
    out = tmp_path / "0000.h5"
    with pytest.raises(KeyboardInterrupt):
        build(out, Stage(stop_after=BATCH_ITEMS + 3))
    assert not out.exists()
    again = Stage()
    build(out, again)
    assert again.done == [item.id for item in ITEMS[BATCH_ITEMS:]]
    assert out.read_bytes() == (tmp_path / "whole.h5").read_bytes()
    assert sorted(os.listdir(tmp_path)) == ["0000.h5", "whole.h5"]


def test_a_finished_shard_is_left_alone_and_other_settings_remake_it(tmp_path: Path) -> None:
    out = tmp_path / "0000.h5"
    build(out, Stage())
    idle = Stage()
    build(out, idle)
    assert idle.done == []
    changed = Stage()
    build(out, changed, quality=3)
    assert len(changed.done) == len(ITEMS)
    assert ShardReader(out).provenance["settings"] == {"quality": 3}


def test_a_shard_of_other_settings_is_set_aside_and_taken_back(tmp_path: Path) -> None:
    out = tmp_path / "0000.h5"
    build(out, Stage(), size=1)
    first = out.read_bytes()
    build(out, Stage(), size=2)
    assert [version.read_bytes() for version in superseded.earlier(out)] == [first]
    out.unlink()  # as Snakemake does before a job
    again = Stage()
    build(out, again, size=1)
    assert (again.done, out.read_bytes()) == ([], first)
    assert superseded.earlier(out) == []


def test_a_damaged_shard_is_neither_set_aside_nor_taken_back(tmp_path: Path) -> None:
    out = tmp_path / "0000.h5"
    build(out, Stage())
    whole = out.read_bytes()
    for moves in (False, True):
        content = bytearray(whole)
        content[len(content) // 2] ^= 255
        out.write_bytes(content)
        if moves:
            superseded.set_aside(out)
            out.unlink()
        build(out, Stage())
        assert out.read_bytes() == whole
        assert os.listdir(tmp_path) == ["0000.h5"]


def test_batches_of_other_settings_are_not_mixed_in(tmp_path: Path) -> None:
    out = tmp_path / "0000.h5"
    with pytest.raises(KeyboardInterrupt):
        build(out, Stage(stop_after=BATCH_ITEMS + 1), quality=1)
    stage = Stage()
    build(out, stage, quality=2)
    assert len(stage.done) == len(ITEMS)


def test_a_damaged_batch_is_made_again(tmp_path: Path) -> None:
    out = tmp_path / "0000.h5"
    with pytest.raises(KeyboardInterrupt):
        build(out, Stage(stop_after=2 * BATCH_ITEMS))
    batch = sorted((tmp_path / "0000.h5.partial").glob("*.h5"))[0]
    batch.write_bytes(batch.read_bytes()[:100])
    stage = Stage()
    build(out, stage)
    assert stage.done == [item.id for item in [*ITEMS[:BATCH_ITEMS], *ITEMS[2 * BATCH_ITEMS :]]]
    assert len(ShardReader(out)) == len(ITEMS)


def test_failed_items_are_listed_and_the_shard_completes(tmp_path: Path) -> None:
    out = tmp_path / "0000.h5"
    build(out, Stage(failing=["item7"]))
    reader = ShardReader(out)
    assert reader.failures == [Failed("item7", "broken")]
    assert len(reader) == len(ITEMS) - 1
    assert "item7" not in reader


def test_too_many_failures_stop_the_stage_and_name_the_items(tmp_path: Path) -> None:
    failing = ["item1", "item2", "item3", "item4"]
    with pytest.raises(UserError, match=r"4 of 53 items failed, more than max_failed_share = 0\.05: item1: broken"):
        build(tmp_path / "0000.h5", Stage(failing=failing))
    assert not (tmp_path / "0000.h5").exists()


def test_after_too_many_failures_their_batches_are_tried_again_and_the_others_kept(tmp_path: Path) -> None:
    first = BATCH_ITEMS  # of the second batch
    with pytest.raises(UserError, match=r"4 of 53 items failed"):
        build(tmp_path / "0000.h5", Stage(failing=[f"item{first + number}" for number in range(4)]))
    mended = Stage()
    build(tmp_path / "0000.h5", mended)
    assert mended.done == [item.id for item in ITEMS[first : first + BATCH_ITEMS]]
    assert ShardReader(tmp_path / "0000.h5").failures == []


def test_killed_at_random_moments_then_resumed_gives_the_same_bytes(tmp_path: Path) -> None:
    build(tmp_path / "whole.h5", Stage())
    out = tmp_path / "0000.h5"
    root = Path(__file__).parents[2]
    rng = np.random.default_rng(0)
    command = [sys.executable, "-c", SLOW_STAGE, str(out), str(root)]
    for _ in range(4):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 300
        while not (tmp_path / "0000.h5.partial").exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(float(rng.uniform(0, 0.15)))
        process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL, timeout=300)
    assert out.read_bytes() == (tmp_path / "whole.h5").read_bytes()
    assert sorted(os.listdir(tmp_path)) == ["0000.h5", "whole.h5"]


def test_two_jobs_on_one_shard_harm_nothing(tmp_path: Path) -> None:
    build(tmp_path / "whole.h5", Stage())
    out = tmp_path / "0000.h5"
    command = [sys.executable, "-c", SLOW_STAGE, str(out), str(Path(__file__).parents[2])]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for process in processes:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
    assert out.read_bytes() == (tmp_path / "whole.h5").read_bytes()
    assert sorted(os.listdir(tmp_path)) == ["0000.h5", "whole.h5"]


def test_a_full_disk_is_one_clear_line_and_finished_batches_stay(tmp_path: Path) -> None:
    out = tmp_path / "0000.h5"
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (24_000, old[1]))  # a batch fits, the whole shard does not
    try:
        with pytest.raises(UserError, match=r"0000\.h5: .*(disk is full|too large).* run the command again to resume"):
            build(out, Stage())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, handler)
    assert not out.exists()
    stage = Stage()
    build(out, stage)
    assert stage.done == []
    assert len(ShardReader(out)) == len(ITEMS)

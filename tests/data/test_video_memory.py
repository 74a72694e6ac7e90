"""The memory that a video takes does not depend on its length."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from i2vadapt.config.preprocessing import DecodeSettings
from i2vadapt.data.container import count_packets
from i2vadapt.data.decode import run_decode
from i2vadapt.data.items import Item
from i2vadapt.data.shards.reader import ShardReader
from i2vadapt.data.video import write_video
from i2vadapt.files.digests import file_digest

LENGTHS = (60, 1200)
SETTINGS = DecodeSettings(short_side=96, codec="raw")  # 37 kB a frame, 44 MB the long video
MORE = 2 << 20  # bytes that the longer video may take; 8 a frame are the places in the shard


def frames(count: int) -> Iterator[np.ndarray]:
    frame = np.full((96, 128, 3), 40, np.uint8)
    for number in range(count):
        frame[:, number % 100 : number % 100 + 20] = 200
        yield frame
        frame[:] = 40


@pytest.fixture(scope="module")
def items(tmp_path_factory: pytest.TempPathFactory) -> list[Item]:
    folder = tmp_path_factory.mktemp("lengths")
    found = []
    for count in LENGTHS:
        path = folder / f"{count}.mp4"
        write_video(path, frames(count), 25)
        found.append(Item(path.name, str(path), "", -1, file_digest(path)))
    return found


def peak(work: Callable[[], object]) -> int:
    """Largest amount of memory that Python and NumPy hold during some work, bytes."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("gain", [1.0, "auto"])
def test_decode_holds_no_video_as_a_whole(items: list[Item], tmp_path: Path, gain: float | str) -> None:
    settings = SETTINGS.model_copy(update={"gain": gain})
    out = [tmp_path / f"{item.id}.h5" for item in items]
    run_decode(items[:1], tmp_path / "first.h5", settings, 1, 0.0)  # imports what is needed
    short, long = (
        peak(lambda item=item, path=path: run_decode([item], path, settings, 1, 0.0))  # type: ignore[misc]
        for item, path in zip(items, out, strict=True)
    )
    assert long < max(short, 3 * (1 << 22)) + MORE  # the shard is written in pieces of 4 MiB
    assert ShardReader(out[1]).counts.tolist() == [LENGTHS[1]]
    assert [path.suffix for path in tmp_path.iterdir()] == [".h5"] * 3


def test_the_manifest_counts_packets_one_at_a_time(items: list[Item]) -> None:
    count_packets(items[0].path)
    short, long = (peak(lambda item=item: count_packets(item.path)) for item in items)  # type: ignore[misc]
    assert long < short + MORE

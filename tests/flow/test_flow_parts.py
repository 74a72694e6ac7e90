"""Flow of long clips, which is computed in parts."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from i2vadapt.config.preprocessing import FlowSettings, Tvl1Settings
from i2vadapt.data.shards.codec import encode_jpeg
from i2vadapt.data.shards.format import Encoded, Failed, write_shard_file
from i2vadapt.data.shards.reader import ShardReader
from i2vadapt.data.video import read_frames, write_video
from i2vadapt.errors import UserError
from i2vadapt.flow.encoding import QuantisedFlow, quantise_flow
from i2vadapt.flow.plain import flow_of_video
from i2vadapt.flow.stage import run_flow

QUICK = Tvl1Settings(n_scales=1, n_warps=1, outer_iterations=1, inner_iterations=2)
SETTINGS = FlowSettings(backend="opencv", tvl1=QUICK)


def write_frames(path: Path, lengths: dict[str, int], damaged: str = "") -> None:
    rng = np.random.default_rng(0)
    still = rng.integers(0, 256, (32, 64, 3), np.uint8)
    encoded = []
    for name, count in lengths.items():
        data = [encode_jpeg(np.roll(still, number, 1), 90) for number in range(count)]
        if name == damaged:
            data[-1] = b"no jpeg"
        encoded.append(Encoded(name, 0, data, {"fps": 25.0}))
    write_shard_file(path, "frames", encoded, {"stage": "decode", "settings": {}, "package": "0", "inputs": {}})


@pytest.mark.parametrize("backend", ["opencv", "torch"])  # worker processes, and a chain of threads
def test_parts_change_no_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str) -> None:
    write_frames(tmp_path / "frames.h5", {"a": 12, "b": 2, "c": 5})
    settings = SETTINGS.model_copy(update={"backend": backend})
    run_flow(tmp_path / "frames.h5", tmp_path / "whole.h5", settings, 1, 0.0)
    for pairs in (1, 4, 100):
        monkeypatch.setattr("i2vadapt.flow.stage.PART_PIXELS", pairs * 32 * 64)
        run_flow(tmp_path / "frames.h5", tmp_path / f"{pairs}.h5", settings, 1, 0.0)
        assert (tmp_path / f"{pairs}.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()


@pytest.mark.parametrize("backend", ["opencv", "torch"])
def test_a_part_that_fails_is_the_failure_of_its_clip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    write_frames(tmp_path / "frames.h5", {"a": 9, "b": 9, "c": 3})

    def read(reader: ShardReader, item: int, indices: Sequence[int]) -> np.ndarray:
        if item == 1 and indices[0] > 0:
            raise MemoryError
        return original(reader, item, indices)

    original = ShardReader.frames
    monkeypatch.setattr(ShardReader, "frames", read)
    monkeypatch.setattr("i2vadapt.flow.stage.PART_PIXELS", 3 * 32 * 64)
    settings = SETTINGS.model_copy(update={"backend": backend})
    run_flow(tmp_path / "frames.h5", tmp_path / "flow.h5", settings, 1, 0.5)
    reader = ShardReader(tmp_path / "flow.h5", "flow")
    assert reader.ids == ["a", "c"]
    assert reader.counts.tolist() == [8, 2]
    assert [failure.id for failure in reader.failures] == ["b"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["flow.h5", "frames.h5"]


def test_a_damaged_shard_of_frames_ends_the_stage(tmp_path: Path) -> None:
    write_frames(tmp_path / "frames.h5", {"a": 9, "b": 9, "c": 3}, damaged="b")
    with pytest.raises(UserError, match=r"frames\.h5: a frame of 'b' does not decode; delete the shard and run its"):
        run_flow(tmp_path / "frames.h5", tmp_path / "flow.h5", SETTINGS, 1, 1.0)


def test_whatever_exception_a_clip_causes_is_its_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_frames(tmp_path / "frames.h5", {"a": 3, "b": 4})

    def fail(first: np.ndarray, second: np.ndarray, settings: FlowSettings) -> QuantisedFlow:
        if len(first) == 3:
            raise MemoryError
        return quantise_flow(np.zeros((*first.shape[:3], 2), np.float32), settings.bound)

    monkeypatch.setattr("i2vadapt.flow.stage.quantised_pairs", fail)
    run_flow(tmp_path / "frames.h5", tmp_path / "flow.h5", SETTINGS, 1, 0.5)
    reader = ShardReader(tmp_path / "flow.h5", "flow")
    assert reader.ids == ["a"]
    assert reader.failures == [Failed("b", "not processed: not enough memory")]


def test_memory_does_not_grow_with_the_length_of_a_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("i2vadapt.flow.stage.PART_PIXELS", 16 * 32 * 64)
    peaks = []
    for count in (40, 40, 800):
        write_frames(tmp_path / "frames.h5", {"a": count})
        tracemalloc.start()
        run_flow(tmp_path / "frames.h5", tmp_path / f"{len(peaks)}.h5", SETTINGS, 1, 0.0)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < peaks[1] + (2 << 20)  # the flow of 800 frames takes 13 MB


def test_the_flow_of_a_long_video_is_written_frame_by_frame(tmp_path: Path) -> None:
    still = np.random.default_rng(0).integers(0, 256, (32, 300, 3), np.uint8)
    peaks = []
    for count in (20, 20, 200):
        write_video(tmp_path / "a.mp4", (still[:, number : number + 64] for number in range(count)), 25)
        tracemalloc.start()
        flow_of_video(tmp_path / "a.mp4", tmp_path / "flow.mp4", SETTINGS)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert len(read_frames(tmp_path / "flow.mp4").frames) == count - 1
    assert peaks[2] < peaks[1] + 64 * 32 * 64 * 4 * 3  # the speeds of 64 pairs, from which the colours are chosen

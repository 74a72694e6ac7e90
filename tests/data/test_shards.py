from __future__ import annotations

import os
import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from i2vadapt.data.flow_codec import encode_flow, quantise
from i2vadapt.data.shards.codec import encode_depth, encode_frame, encode_jpeg
from i2vadapt.data.shards.format import Encoded, Failed, write_shard_file
from i2vadapt.data.shards.reader import ShardReader
from i2vadapt.data.shards.set import ShardSet
from i2vadapt.errors import UserError

NAMES = st.binary(min_size=1, max_size=20).filter(lambda name: b"\0" not in name).map(os.fsdecode)
ITEMS = st.lists(
    st.tuples(NAMES, st.integers(-1, 100), st.lists(st.binary(max_size=50), max_size=6)),
    unique_by=lambda item: item[0],
    max_size=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(ITEMS)
def test_what_goes_in_comes_out(tmp_path: Path, items: list[tuple[str, int, list[bytes]]]) -> None:
    path = tmp_path / "shard.h5"
    results = [Encoded(name, label, frames, {"n": len(frames)}) for name, label, frames in items]
    write_shard_file(path, "frames", [*results, Failed("bad\udcff", "why")], {"stage": "test"})
    reader = ShardReader(path, "frames")
    assert reader.ids == [result.id for result in results]
    assert reader.labels.tolist() == [result.label for result in results]
    assert [reader.encoded(item) for item in range(len(reader))] == [list(result.frames) for result in results]
    assert reader.failures == [Failed("bad\udcff", "why")]
    assert reader.provenance == {"stage": "test"}
    for number, result in enumerate(results):
        assert reader.index(result.id) == number
        if len(result.frames) > 2:
            assert reader.encoded(number, 1, 2) == list(result.frames)[1:2]


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_shard_file(tmp_path / name, "frames", [Encoded("x", 0, [b"1", b"22"], {})], {"stage": "test"})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    clips = [rng.integers(0, 256, (5, 24, 32, 3), np.uint8) // 64 * 64 for _ in range(2)]
    path = tmp_path / "0000.h5"
    results = [Encoded(str(n), n, [encode_jpeg(frame, 100) for frame in clip], {}) for n, clip in enumerate(clips)]
    write_shard_file(path, "frames", results, {"stage": "decode", "settings": {}})
    return path


def test_frames_in_any_order_with_repeats(shard: Path) -> None:
    reader = ShardReader(shard)
    every = reader.frames(1)
    assert every.shape == (5, 24, 32, 3)
    assert every.dtype == np.uint8
    np.testing.assert_array_equal(reader.frames(1, [4, 0, 4]), every[[4, 0, 4]])


@pytest.mark.parametrize("indices", [[5], [-1], []])
def test_frames_outside_are_an_error_not_another_frame(shard: Path, indices: list[int]) -> None:
    with pytest.raises(IndexError):
        ShardReader(shard).frames(0, indices)


def test_flow_and_depth_kinds(tmp_path: Path) -> None:
    flow = np.zeros((10, 12, 2), np.float32)
    flow[..., 0] = 3
    encoded = Encoded("x", 0, [encode_flow(flow, 20.0, 95)], {"height": 10})
    write_shard_file(tmp_path / "flow.h5", "flow", [encoded], {"settings": {"bound": 20.0}})
    decoded = ShardReader(tmp_path / "flow.h5", "flow").frames(0)
    np.testing.assert_allclose(decoded, flow[None], atol=20 / 127)
    depth = np.arange(120, dtype=np.uint16).reshape(10, 12) * 546
    write_shard_file(tmp_path / "depth.h5", "depth", [Encoded("x", 0, [encode_depth(depth)], {})], {})
    np.testing.assert_array_equal(ShardReader(tmp_path / "depth.h5").frames(0)[0], depth)


def test_raw_frames_and_flow_come_back_exactly(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    clip, size = rng.integers(0, 256, (3, 10, 12, 3), np.uint8), {"height": 10, "width": 12}
    frames = Encoded("x", 0, [encode_frame(frame, "raw", 95) for frame in clip], size)
    write_shard_file(tmp_path / "frames.h5", "frames", [frames], {"settings": {"codec": "raw"}})
    np.testing.assert_array_equal(ShardReader(tmp_path / "frames.h5").frames(0, [2, 0]), clip[[2, 0]])
    field = rng.uniform(-20, 20, (10, 12, 2)).astype(np.float32)
    flow = Encoded("x", 0, [encode_flow(field, 20.0, codec="raw")], size)
    write_shard_file(tmp_path / "flow.h5", "flow", [flow], {"settings": {"codec": "raw", "bound": 20.0}})
    np.testing.assert_array_equal(ShardReader(tmp_path / "flow.h5").stored(0)[0], quantise(field, 20.0)[0])
    short = Encoded("x", 0, [b"123"], size)
    write_shard_file(tmp_path / "short.h5", "frames", [short], {"settings": {"codec": "raw"}})
    with pytest.raises(UserError, match="does not decode"):
        ShardReader(tmp_path / "short.h5").frames(0)


def test_frames_far_apart_are_read_alone(shard: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, read = ShardReader(shard), []
    real = os.pread
    monkeypatch.setattr(os, "pread", lambda handle, size, place: read.append(size) or real(handle, size, place))
    reader.frames(0, [4, 0, 1, 4])
    lengths = [len(data) for data in reader.encoded(0)]
    assert read[:2] == [sum(lengths[:2]), lengths[4]]


def test_another_kind_is_refused(shard: Path) -> None:
    with pytest.raises(UserError, match="contains frames, but flow is needed"):
        ShardReader(shard, "flow")


def test_missing_truncated_unfinished_and_foreign_files_are_refused(tmp_path: Path, shard: Path) -> None:
    with pytest.raises(UserError, match="no such shard"):
        ShardReader(tmp_path / "none.h5")
    cut = tmp_path / "cut.h5"
    cut.write_bytes(shard.read_bytes()[:-2000])
    with pytest.raises(UserError, match="not a readable shard"):
        ShardReader(cut)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file.attrs["format"] = 1
    with pytest.raises(UserError, match="unfinished"):
        ShardReader(tmp_path / "other.h5")


def test_a_damaged_frame_is_named(tmp_path: Path) -> None:
    write_shard_file(tmp_path / "s.h5", "frames", [Encoded("walk/1.mp4", 0, [b"not a jpeg"], {})], {})
    with pytest.raises(UserError, match=r"a frame of 'walk/1\.mp4' does not decode"):
        ShardReader(tmp_path / "s.h5").frames(0)


def test_a_reader_survives_pickling_and_forks(shard: Path) -> None:
    reader = ShardReader(shard)
    expected = reader.frames(0, [2])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(reader)).frames(0, [2]), expected)
    child = os.fork()
    if child == 0:
        os._exit(0 if np.array_equal(reader.frames(0, [2]), expected) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_set_finds_items_and_keeps_few_files_open(tmp_path: Path) -> None:
    paths = []
    for number in range(5):
        paths.append(tmp_path / f"{number}.h5")
        frame = encode_jpeg(np.full((16, 16, 3), number * 40, np.uint8), 95)
        write_shard_file(paths[-1], "frames", [Encoded(f"item{number}", number, [frame], {})], {})
    shards = ShardSet(paths, "frames", keep_open=2)
    for number in (4, 0, 2, 1, 3, 0):
        assert shards.count(f"item{number}") == 1
        centre = shards.stored(f"item{number}", np.array([0]), lambda height, width: (slice(8, 9), slice(8, 9)))
        assert centre.shape == (1, 1, 1, 3)
        assert abs(int(centre[0, 0, 0, 0]) - number * 40) <= 1
    assert "item9" not in shards


@pytest.mark.parametrize("changed", [{"settings": {"short_side": 64}}, {"stage_version": 2}])
def test_shards_of_two_settings_are_never_combined(tmp_path: Path, changed: dict[str, object]) -> None:
    paths = [tmp_path / "0000.h5", tmp_path / "0001.h5"]
    first: dict[str, object] = {"stage": "decode", "stage_version": 1, "settings": {"short_side": 48}}
    for number, (path, provenance) in enumerate(zip(paths, (first, first | changed), strict=True)):
        frame = encode_jpeg(np.zeros((16, 16, 3), np.uint8), 95)
        write_shard_file(path, "frames", [Encoded(f"item{number}", number, [frame], {})], provenance)
    with pytest.raises(
        UserError, match=rf"\A{paths[1]}: made with other settings than 0000\.h5: run its stage again\Z"
    ):
        ShardSet(paths, "frames")
    assert ShardSet(paths[:1], "frames").settings == {"short_side": 48}

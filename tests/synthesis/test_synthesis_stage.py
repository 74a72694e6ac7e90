from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from i2vadapt.config.preprocessing import SynthesisSettings
from i2vadapt.data.items import Item, item_seed
from i2vadapt.data.shards.codec import encode_depth
from i2vadapt.data.shards.format import Encoded, write_shard_file
from i2vadapt.data.shards.reader import ShardReader
from i2vadapt.errors import UserError
from i2vadapt.files.digests import file_digest
from i2vadapt.synthesis import stage
from i2vadapt.synthesis.clip import flow_of_clip, steps_from_plain, synthesize_clip
from i2vadapt.synthesis.stage import run_synthesis

SETTINGS = SynthesisSettings(frames=5, short_side=36)


def picture(seed: int, height: int = 48, width: int = 64) -> np.ndarray:
    blocks = np.random.default_rng(seed).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    return blocks.repeat(8, 0).repeat(8, 1)


def write_items(folder: Path, count: int) -> tuple[list[Item], Path]:
    """Photographs, and the shard of their depth: a slope, near at the bottom."""
    items, maps = [], []
    slope = np.linspace(20000, 65535, 48).astype(np.uint16)[:, None].repeat(64, 1)
    for number in range(count):
        path = folder / f"{number}.png"
        path.write_bytes(bytes(cv2.imencode(".png", picture(number)[..., ::-1])[1]))
        items.append(Item(path.name, str(path), "walk", number, file_digest(path)))
        maps.append(Encoded(path.name, number, [encode_depth(slope)], {}))
    depth = folder / "depth.h5"
    write_shard_file(depth, "depth", maps, {"stage": "depth", "settings": {}, "package": "0", "inputs": {}})
    return items, depth


@pytest.fixture
def inputs(tmp_path: Path) -> tuple[list[Item], Path]:
    return write_items(tmp_path, 3)


def test_a_clip_starts_near_the_photograph_and_moves(inputs: tuple[list[Item], Path], tmp_path: Path) -> None:
    items, depth = inputs
    run_synthesis(items, depth, tmp_path / "0000.h5", SETTINGS, 0, 1, 0.0)
    reader = ShardReader(tmp_path / "0000.h5", "frames")
    assert list(reader.ids) == ["0.png", "1.png", "2.png"]
    assert reader.labels.tolist() == [0, 1, 2]
    for number in range(3):
        frames = reader.frames(number)
        assert frames.shape == (5, 36, 48, 3)
        start = cv2.resize(picture(number), (48, 36), interpolation=cv2.INTER_AREA).astype(float)
        far = cv2.resize(picture(number + 50), (48, 36), interpolation=cv2.INTER_AREA).astype(float)
        assert np.abs(frames[0] - start).mean() < 0.5 * np.abs(frames[0] - far).mean()
        assert (np.abs(np.diff(frames.astype(float), axis=0)).mean(axis=(1, 2, 3)) > 1).all()
    assert np.array(reader.info[0]["poses"]).shape == (5, 4, 4)


def test_frames_rendered_larger_are_shrunk_after_the_chain() -> None:
    inverse = np.linspace(0.3, 1, 48)[:, None].repeat(64, 1)
    released = SETTINGS.model_copy(update={"rendering": "chained", "trajectory": "random_walk", "aspect": "square"})
    large, steps = synthesize_clip(
        picture(0), inverse, released.model_copy(update={"short_side": 54}), np.random.default_rng(1)
    )
    frames, same = synthesize_clip(
        picture(0), inverse, released.model_copy(update={"rendered_side": 54}), np.random.default_rng(1)
    )
    assert all(np.array_equal(one.scene, other.scene) for one, other in zip(steps, same, strict=True))
    np.testing.assert_array_equal(
        frames, [cv2.resize(frame, (36, 36), interpolation=cv2.INTER_AREA) for frame in large]
    )


def test_motions_belong_to_the_item_whatever_shard_order_or_processes(
    inputs: tuple[list[Item], Path], tmp_path: Path
) -> None:
    items, depth = inputs
    run_synthesis(items, depth, tmp_path / "one.h5", SETTINGS, 0, 1, 0.0)
    run_synthesis(items, depth, tmp_path / "two.h5", SETTINGS, 0, 2, 0.0)
    assert (tmp_path / "one.h5").read_bytes() == (tmp_path / "two.h5").read_bytes()
    run_synthesis(items[::-1][:2], depth, tmp_path / "part.h5", SETTINGS, 0, 1, 0.0)
    whole, part = ShardReader(tmp_path / "one.h5", "frames"), ShardReader(tmp_path / "part.h5", "frames")
    for item_id in ("1.png", "2.png"):
        assert whole.encoded(whole.index(item_id)) == part.encoded(part.index(item_id))
    assert whole.info[0]["poses"] != whole.info[1]["poses"]
    run_synthesis(items, depth, tmp_path / "seed.h5", SETTINGS, 1, 1, 0.0)
    assert ShardReader(tmp_path / "seed.h5", "frames").info[0]["poses"] != whole.info[0]["poses"]


def test_recorded_poses_are_those_of_the_items_generator(inputs: tuple[list[Item], Path], tmp_path: Path) -> None:
    items, depth = inputs
    run_synthesis(items[:1], depth, tmp_path / "0000.h5", SETTINGS, 3, 1, 0.0)
    rng = np.random.default_rng(item_seed(3, "synthesize", "0.png"))
    inverse = np.linspace(20000, 65535, 48)[:, None].repeat(64, 1) / 65535
    _, steps = synthesize_clip(picture(0), inverse, SETTINGS, rng)
    reader = ShardReader(tmp_path / "0000.h5", "frames")
    recorded = steps_from_plain(reader.info[0])
    assert len(recorded) == len(steps) == 5
    for found, step in zip(recorded, steps, strict=True):
        np.testing.assert_allclose(found.scene, step.scene, atol=1e-8)
        assert found.actor is None


def test_depth_carried_along_is_not_re_estimated_depth() -> None:
    flat = np.full((48, 64), 0.5, np.float32)
    slope = np.linspace(0.1, 1, 48, dtype=np.float32)[:, None].repeat(64, 1)
    clips, seen = {}, []

    def estimate(view: np.ndarray) -> np.ndarray:
        seen.append(view.shape)
        return slope

    for depth in ("carried", "re-estimated"):
        settings = SETTINGS.model_copy(update={"depth": depth, "rendering": "chained"})
        clips[depth], _ = synthesize_clip(picture(0), flat, settings, np.random.default_rng(0), estimate)
    assert seen == [(36, 48, 3)] * 5
    assert (clips["carried"][0] == clips["re-estimated"][0]).all()
    assert (clips["carried"][-1] != clips["re-estimated"][-1]).any()


def test_frames_of_a_chain_that_pass_through_a_jpeg_lose_by_it_again_and_again() -> None:
    flat = np.full((48, 64), 0.5, np.float32)
    plain, lossy = (
        synthesize_clip(picture(0), flat, settings, np.random.default_rng(0))[0]
        for settings in (
            SETTINGS.model_copy(update={"rendering": "chained", "chain_jpeg": lossy, "quality": 80})
            for lossy in (False, True)
        )
    )
    _, data = cv2.imencode(".jpg", plain[0][..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])
    np.testing.assert_array_equal(lossy[0], cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])
    lost = np.abs(lossy.astype(float) - plain).mean(axis=(1, 2, 3))
    assert lost[0] > 0.5
    assert lost[-1] > lost[0]


def test_photographs_that_vanished_or_have_no_depth(inputs: tuple[list[Item], Path], tmp_path: Path) -> None:
    items, depth = inputs
    Path(items[1].path).unlink()
    stranger = Item("9.png", items[0].path, "walk", 0, "9")  # the depth stage listed it as a failure
    run_synthesis([*items, stranger], depth, tmp_path / "0000.h5", SETTINGS, 0, 1, 0.4)
    reader = ShardReader(tmp_path / "0000.h5", "frames")
    assert list(reader.ids) == ["0.png", "2.png"]
    assert [failure.id for failure in reader.failures] == ["1.png"]
    with pytest.raises(UserError, match=r"missing\.h5: no such shard"):
        run_synthesis(items, tmp_path / "missing.h5", tmp_path / "0001.h5", SETTINGS, 0, 1, 0.0)


def test_depth_of_another_size_is_a_failure(inputs: tuple[list[Item], Path], tmp_path: Path) -> None:
    items, depth = inputs
    Path(items[0].path).write_bytes(bytes(cv2.imencode(".png", picture(0, 40, 64)[..., ::-1])[1]))
    items[0] = replace(items[0], digest=file_digest(Path(items[0].path)))
    run_synthesis(items, depth, tmp_path / "0000.h5", SETTINGS, 0, 1, 0.4)
    (failure,) = ShardReader(tmp_path / "0000.h5", "frames").failures
    assert failure.id == "0.png"
    assert "64x40 pixels, but its depth has 64x48" in failure.reason


def add_strip(folder: Path, items: list[Item], depth: Path, height: int, width: int) -> Item:
    """Adds a long and narrow photograph, and its depth to the shard."""
    strip = folder / "strip.png"
    cv2.imwrite(str(strip), np.resize(picture(7), (height, width, 3)))
    item = Item(strip.name, str(strip), "walk", 0, file_digest(strip))
    reader = ShardReader(depth)
    maps = [Encoded(one, 0, reader.encoded(number), {}) for number, one in enumerate(reader.ids)]
    slope = np.linspace(20000, 65535, height).astype(np.uint16)[:, None].repeat(width, 1)
    maps.append(Encoded(item.id, 0, [encode_depth(slope)], {}))
    write_shard_file(depth, "depth", maps, {"stage": "depth", "settings": {}, "package": "0", "inputs": {}})
    items.insert(1, item)
    return item


@pytest.mark.parametrize(("height", "width"), [(16, 30_000), (64_000, 16)])
@pytest.mark.parametrize("workers", [1, 2])
def test_photographs_too_long_for_a_frame_are_failures(
    inputs: tuple[list[Item], Path], tmp_path: Path, height: int, width: int, workers: int
) -> None:
    items, depth = inputs
    strip = add_strip(tmp_path, items, depth, height, width)
    run_synthesis(items, depth, tmp_path / "0000.h5", SETTINGS, 0, workers, 0.4)
    reader = ShardReader(tmp_path / "0000.h5", "frames")
    assert reader.ids == ["0.png", "1.png", "2.png"]
    (failed,) = reader.failures
    assert failed.id == "strip.png"
    start = f"{strip.path}: {width}x{height} pixels are too long and narrow: frames of "
    assert failed.reason.startswith(start)
    assert failed.reason.endswith(" would be needed, but a JPEG ends at 65500")


@pytest.mark.parametrize("error", [MemoryError(), cv2.error("of OpenCV"), ZeroDivisionError("division by zero")])
def test_whatever_a_photograph_causes_is_its_failure_alone(
    inputs: tuple[list[Item], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def failing(image: np.ndarray, *arguments: Any) -> Any:
        if (image == picture(1)).all():
            raise error
        return synthesize_clip(image, *arguments)

    items, depth = inputs
    monkeypatch.setattr(stage, "synthesize_clip", failing)
    run_synthesis(items, depth, tmp_path / "0000.h5", SETTINGS, 0, 1, 0.4)
    reader = ShardReader(tmp_path / "0000.h5", "frames")
    assert reader.ids == ["0.png", "2.png"]
    assert reader.failures[0].reason.startswith(f"{items[1].path}: not processed: ")
    with pytest.raises(UserError, match=r"1 of 3 items failed, more than max_failed_share = 0\.2: 1\.png"):
        run_synthesis(items, depth, tmp_path / "0001.h5", SETTINGS, 0, 1, 0.2)


def test_a_damaged_shard_of_depth_ends_the_stage(inputs: tuple[list[Item], Path], tmp_path: Path) -> None:
    items, depth = inputs
    reader = ShardReader(depth)
    maps = [Encoded(one, 0, [b"no PNG"], {}) for one in reader.ids]
    write_shard_file(depth, "depth", maps, reader.provenance)
    with pytest.raises(UserError, match=r"depth\.h5: a frame of '0\.png' does not decode; delete the shard"):
        run_synthesis(items, depth, tmp_path / "0000.h5", SETTINGS, 0, 1, 1.0)


PERSON = np.s_[12:40, 24:40]


def person() -> np.ndarray:
    """Inverse depth of somebody upright before a far wall."""
    inverse = np.full((48, 64), 0.05, np.float32)
    inverse[PERSON] = 0.9
    return inverse


@pytest.mark.parametrize("rendering", ["direct", "chained"])
@pytest.mark.parametrize("actor", [None, {}])
def test_flow_of_a_clip_takes_each_frame_to_the_next(rendering: str, actor: dict[str, float] | None) -> None:
    settings = SynthesisSettings(frames=5, short_side=48, rendering=rendering, actor=actor)
    image = cv2.GaussianBlur(picture(2), (0, 0), 2)
    frames, steps = synthesize_clip(image, person(), settings, np.random.default_rng(1))
    flow = flow_of_clip(person(), steps, 48, 64, settings)
    assert flow.shape == (4, 48, 64, 2)
    assert flow.dtype == np.float32
    grid = np.stack(np.meshgrid(np.arange(64), np.arange(48)), axis=-1).astype(np.float32)
    for number in range(4):
        carried = cv2.remap(frames[number + 1], grid + flow[number], None, cv2.INTER_LINEAR).astype(float)
        inner = np.s_[8:-8, 8:-8]
        moved = np.median(np.abs(carried - frames[number])[inner])
        still = np.median(np.abs(frames[number + 1].astype(float) - frames[number])[inner])
        assert moved < 0.4 * still


def test_the_actors_motion_is_on_top_of_the_cameras() -> None:
    flows, steps = {}, {}
    for name, actor in (("with", {}), ("without", None)):
        settings = SynthesisSettings(frames=5, short_side=48, actor=actor)
        _, steps[name] = synthesize_clip(picture(2), person(), settings, np.random.default_rng(1))
        flows[name] = flow_of_clip(person(), steps[name], 48, 64, settings)
    for one, other in zip(steps["with"], steps["without"], strict=True):
        np.testing.assert_array_equal(one.scene, other.scene)
        assert one.actor is not None
    apart = np.linalg.norm(flows["with"] - flows["without"], axis=-1)[0]
    assert apart[26, 32] > 0.05
    np.testing.assert_allclose(apart[:, :10], 0, atol=1e-5)


def test_re_estimated_depth_needs_a_chain() -> None:
    with pytest.raises(ValueError, match="re-estimated needs rendering chained"):
        SynthesisSettings(depth="re-estimated", rendering="direct")
    with pytest.raises(ValueError, match="chain_jpeg needs rendering chained"):
        SynthesisSettings(chain_jpeg=True, rendering="direct")

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from i2vadapt.config.preprocessing import FlowSettings
from i2vadapt.data.shards.codec import encode_jpeg
from i2vadapt.data.shards.format import Encoded, write_shard_file
from i2vadapt.data.shards.reader import ShardReader
from i2vadapt.data.video import read_frames, write_video
from i2vadapt.errors import UserError
from i2vadapt.flow.flo import read_flo
from i2vadapt.flow.pairs import flow_of_frames
from i2vadapt.flow.plain import flow_of_images, flow_of_video
from i2vadapt.flow.stage import run_flow

SETTINGS = FlowSettings(bound=8)
MOTION = (2, -1)  # pixels a frame, to the right and up


def moving(frames: int = 4, height: int = 48, width: int = 64, motion: tuple[int, int] = MOTION) -> np.ndarray:
    """A smooth random texture that moves as a whole."""
    noise = np.random.default_rng(0).uniform(0, 255, (height * 2, width * 2, 3)).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), 3)
    texture = ((noise - noise.min()) / np.ptp(noise) * 255).astype(np.uint8)
    y, x = height // 2, width // 2
    return np.stack(
        [texture[y - motion[1] * k :, x - motion[0] * k :][:height, :width] for k in range(frames)],
    )


def write_frames(path: Path, clips: dict[str, np.ndarray]) -> None:
    encoded = [
        Encoded(name, number, [encode_jpeg(frame, 95) for frame in clip], {"fps": 25.0})
        for number, (name, clip) in enumerate(clips.items())
    ]
    write_shard_file(path, "frames", encoded, {"stage": "decode", "settings": {}, "package": "0", "inputs": {}})


def inner(flow: np.ndarray) -> np.ndarray:
    return np.median(flow[..., 8:-8, 8:-8, :], axis=(-3, -2))


@pytest.mark.parametrize("backend", ["numba", "torch"])  # worker processes, and a chain of threads
def test_every_pair_gets_its_flow_and_the_shard_names_its_frames(tmp_path: Path, backend: str) -> None:
    clips = {"a": moving(4), "b": moving(3, motion=(-1, 0))}
    write_frames(tmp_path / "frames.h5", clips)
    settings = SETTINGS.model_copy(update={"backend": backend})
    run_flow(tmp_path / "frames.h5", tmp_path / "flow.h5", settings, 1, 0.0)
    frames, flow = ShardReader(tmp_path / "frames.h5", "frames"), ShardReader(tmp_path / "flow.h5", "flow")
    assert list(flow.ids) == ["a", "b"]
    assert flow.labels.tolist() == [0, 1]
    assert flow.counts.tolist() == [3, 2]
    assert flow.provenance["inputs"] == {"frames": frames.digest}
    assert flow.frames(0).shape == (3, 48, 64, 2)
    assert inner(flow.frames(0)) == pytest.approx(np.tile(MOTION, (3, 1)), abs=0.2)
    assert inner(flow.frames(1)) == pytest.approx(np.tile((-1, 0), (2, 1)), abs=0.2)
    assert flow.info[0]["mean"] == pytest.approx(np.hypot(*MOTION), abs=0.4)
    assert flow.info[0]["fps"] == 25.0


def test_several_devices_change_no_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_frames(tmp_path / "frames.h5", {f"{number}": moving(2, 16, 24) for number in range(18)})
    settings = SETTINGS.model_copy(update={"backend": "torch"})
    run_flow(tmp_path / "frames.h5", tmp_path / "one.h5", settings, 1, 0.0)
    monkeypatch.setattr("i2vadapt.flow.stage.visible_devices", lambda: ["cpu", "cpu"])
    run_flow(tmp_path / "frames.h5", tmp_path / "two.h5", settings, 1, 0.0)
    assert (tmp_path / "one.h5").read_bytes() == (tmp_path / "two.h5").read_bytes()


def test_what_exceeds_the_bound_is_clipped_and_its_share_is_recorded(tmp_path: Path) -> None:
    write_frames(tmp_path / "frames.h5", {"a": moving()})
    run_flow(tmp_path / "frames.h5", tmp_path / "flow.h5", FlowSettings(bound=1.5), 1, 0.0)
    flow = ShardReader(tmp_path / "flow.h5", "flow")
    assert inner(flow.frames(0)) == pytest.approx(np.tile((1.5, -1), (3, 1)), abs=0.2)
    assert flow.info[0]["clipped"] == pytest.approx(0.5, abs=0.1)  # u of nearly all pixels, v of nearly none


def test_processes_change_no_byte(tmp_path: Path) -> None:
    write_frames(tmp_path / "frames.h5", {str(number): moving(2 + number) for number in range(3)})
    run_flow(tmp_path / "frames.h5", tmp_path / "one.h5", SETTINGS, 1, 0.0)
    run_flow(tmp_path / "frames.h5", tmp_path / "two.h5", SETTINGS, 2, 0.0)
    assert (tmp_path / "one.h5").read_bytes() == (tmp_path / "two.h5").read_bytes()


@pytest.mark.parametrize("backend", ["numba", "torch"])
def test_a_single_frame_has_no_flow_and_is_a_failure(tmp_path: Path, backend: str) -> None:
    settings = SETTINGS.model_copy(update={"backend": backend})
    write_frames(tmp_path / "frames.h5", {"a": moving(2), "still": moving(1)})
    run_flow(tmp_path / "frames.h5", tmp_path / "flow.h5", settings, 1, 0.5)
    reader = ShardReader(tmp_path / "flow.h5", "flow")
    assert [(failure.id, failure.reason) for failure in reader.failures] == [
        ("still", "1 frame, at least 2 are needed")
    ]
    with pytest.raises(UserError, match="1 of 2 items failed"):
        run_flow(tmp_path / "frames.h5", tmp_path / "other.h5", settings, 1, 0.4)


def test_settings_reach_the_algorithm() -> None:
    coarse = SETTINGS.model_copy(update={"tvl1": SETTINGS.tvl1.model_copy(update={"n_warps": 1, "n_scales": 1})})
    assert (flow_of_frames(moving(2), SETTINGS) != flow_of_frames(moving(2), coarse)).any()


def test_plain_images_and_videos(tmp_path: Path) -> None:
    first, second = moving(2)
    for name, image in (("a", first), ("b", second)):
        (tmp_path / f"{name}.png").write_bytes(bytes(cv2.imencode(".png", image[..., ::-1])[1]))
    flow_of_images(tmp_path / "a.png", tmp_path / "b.png", tmp_path / "ab.flo", SETTINGS)
    assert inner(read_flo(tmp_path / "ab.flo")) == pytest.approx(MOTION, abs=0.2)
    with pytest.raises(UserError, match=r"ab\.png: must end in \.flo"):
        flow_of_images(tmp_path / "a.png", tmp_path / "b.png", tmp_path / "ab.png", SETTINGS)
    (tmp_path / "small.png").write_bytes(bytes(cv2.imencode(".png", first[:40])[1]))
    with pytest.raises(UserError, match=r"64x48 and .* is 64x40: the sizes must be equal"):
        flow_of_images(tmp_path / "a.png", tmp_path / "small.png", tmp_path / "x.flo", SETTINGS)
    write_video(tmp_path / "clip.mp4", moving(6), 25)
    flow_of_video(tmp_path / "clip.mp4", tmp_path / "colours.mp4", SETTINGS)
    colours = read_frames(tmp_path / "colours.mp4").frames
    assert colours.shape == (5, 48, 64, 3)
    assert np.ptp(colours[:, 20, 30].astype(int), axis=0).max() < 40  # one motion, one colour
    write_video(tmp_path / "still.mp4", moving(1), 25)
    with pytest.raises(UserError, match=r"still\.mp4: 1 frame, at least 2"):
        flow_of_video(tmp_path / "still.mp4", tmp_path / "x.mp4", SETTINGS)

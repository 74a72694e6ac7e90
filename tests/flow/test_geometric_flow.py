from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from i2vadapt import stages
from i2vadapt.config.parsing import parse
from i2vadapt.config.preprocessing import FlowSettings, SynthesisSettings
from i2vadapt.config.settings import Settings
from i2vadapt.data.items import Item
from i2vadapt.data.shards.codec import encode_depth, encode_jpeg
from i2vadapt.data.shards.format import Encoded, write_shard_file
from i2vadapt.data.shards.reader import ShardReader
from i2vadapt.errors import UserError
from i2vadapt.files.digests import file_digest
from i2vadapt.flow.stage import run_flow
from i2vadapt.synthesis.stage import run_synthesis

EXACT = FlowSettings(source="geometric", bound=12)


def soft_noise(seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).uniform(0, 255, (64, 80, 3)).astype(np.float32)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2), None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


def write_depth(path: Path, lowest: int) -> None:
    slope = np.linspace(lowest, 65535, 64).astype(np.uint16)[:, None].repeat(80, 1)
    maps = [Encoded(f"{number}.png", 0, [encode_depth(slope)], {}) for number in range(2)]
    write_shard_file(path, "depth", maps, {"stage": "depth", "settings": {}, "package": "0", "inputs": {}})


def generate(folder: Path, **settings: object) -> None:
    """Two videos of four frames, and the depth they are made of."""
    items = []
    for number in range(2):
        path = folder / f"{number}.png"
        path.write_bytes(bytes(cv2.imencode(".png", soft_noise(number))[1]))
        items.append(Item(path.name, str(path), "walk", 0, file_digest(path)))
    write_depth(folder / "depth.h5", 20000)
    synthesis = SynthesisSettings.model_validate({"frames": 4, "short_side": 64, **settings})
    run_synthesis(items, folder / "depth.h5", folder / "frames.h5", synthesis, 0, 1, 0.0)


@pytest.mark.parametrize("settings", [{}, {"rendering": "chained", "trajectory": "random_walk"}, {"actor": {}}])
def test_exact_flow_agrees_with_tvl1_on_a_textured_slope(tmp_path: Path, settings: dict[str, object]) -> None:
    generate(tmp_path, **settings)
    run_flow(tmp_path / "frames.h5", tmp_path / "exact.h5", EXACT, 1, 0.0, tmp_path / "depth.h5")
    run_flow(tmp_path / "frames.h5", tmp_path / "tvl1.h5", FlowSettings(bound=12), 1, 0.0)
    exact, estimated = ShardReader(tmp_path / "exact.h5", "flow"), ShardReader(tmp_path / "tvl1.h5", "flow")
    assert exact.ids == estimated.ids == ["0.png", "1.png"]
    for item in range(2):
        one, other = exact.frames(item), estimated.frames(item)
        assert one.shape == other.shape == (3, 64, 80, 2)
        middle = np.s_[:, 10:-10, 10:-10]
        assert np.linalg.norm(one, axis=-1)[middle].mean() > 0.5
        assert np.median(np.linalg.norm(one - other, axis=-1)[middle]) < 0.25
    assert exact.provenance["inputs"] == {
        "frames": ShardReader(tmp_path / "frames.h5").digest,
        "depth": ShardReader(tmp_path / "depth.h5").digest,
    }


def test_processes_change_no_byte(tmp_path: Path) -> None:
    generate(tmp_path)
    for workers in (1, 2):
        run_flow(tmp_path / "frames.h5", tmp_path / f"{workers}.h5", EXACT, workers, 0.0, tmp_path / "depth.h5")
    assert (tmp_path / "1.h5").read_bytes() == (tmp_path / "2.h5").read_bytes()


def test_real_videos_keep_tvl1(tmp_path: Path) -> None:
    clip = [soft_noise(0)[:, k : k + 60] for k in range(3)]
    encoded = [Encoded("a", 0, [encode_jpeg(np.ascontiguousarray(frame), 95) for frame in clip], {"fps": 25.0})]
    write_shard_file(tmp_path / "frames.h5", "frames", encoded, {"stage": "decode", "settings": {}, "inputs": {}})
    run_flow(tmp_path / "frames.h5", tmp_path / "flow.h5", EXACT, 1, 0.0)
    flow = ShardReader(tmp_path / "flow.h5", "flow")
    assert flow.provenance["settings"]["source"] == "tvl1"
    assert np.median(flow.frames(0)[:, 10:-10, 10:-10], axis=(0, 1, 2)) == pytest.approx((-1, 0), abs=0.2)


def test_depth_that_does_not_fit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generate(tmp_path)
    frames, out = tmp_path / "frames.h5", tmp_path / "flow.h5"
    with pytest.raises(UserError, match="needs --depth"):
        run_flow(frames, out, EXACT, 1, 0.0)
    write_depth(tmp_path / "other.h5", 100)
    with pytest.raises(UserError, match=r"not the depth that .* was made from; run synthesize again"):
        run_flow(frames, out, EXACT, 1, 0.0, tmp_path / "other.h5")
    newer = replace(stages.SYNTHESIZE, version=stages.SYNTHESIZE.version + 1)
    monkeypatch.setattr(stages, "SYNTHESIZE", newer)
    with pytest.raises(UserError, match="another version of i2vadapt"):
        run_flow(frames, out, EXACT, 1, 0.0, tmp_path / "depth.h5")
    assert not out.exists()


def test_re_estimated_depth_has_no_exact_flow(tmp_path: Path) -> None:
    generate(tmp_path)
    frames = ShardReader(tmp_path / "frames.h5")
    settings = {**frames.provenance["settings"], "rendering": "chained", "depth": "re-estimated"}
    items = [Encoded(frames.ids[0], 0, frames.encoded(0), frames.info[0])]
    write_shard_file(tmp_path / "re-estimated.h5", "frames", items, {**frames.provenance, "settings": settings})
    with pytest.raises(UserError, match="re-estimated, so the depth of its frames is not stored"):
        run_flow(tmp_path / "re-estimated.h5", tmp_path / "flow.h5", EXACT, 1, 0.0, tmp_path / "depth.h5")
    document = {"flow": {"source": "geometric"}, "synthesis": {"depth": "re-estimated", "rendering": "chained"}}
    with pytest.raises(UserError, match=r"flow\.source geometric needs synthesis\.depth carried"):
        parse(Settings, document, "config.yaml")

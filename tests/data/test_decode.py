from __future__ import annotations

import os
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from i2vadapt.config.preprocessing import DecodeSettings
from i2vadapt.data.decode import Video, decode, run_decode
from i2vadapt.data.items import Item
from i2vadapt.data.shards.codec import encode_frame
from i2vadapt.data.shards.format import Encoded, Failed
from i2vadapt.data.shards.reader import ShardReader
from i2vadapt.data.shards.stored import FrameWriter
from i2vadapt.data.video import write_video
from i2vadapt.errors import UserError
from i2vadapt.files.digests import file_digest


def write(path: Path, frames: int, height: int = 48, width: int = 64, fps: float = 25.0) -> Item:
    """A grey video that gets brighter by 5 a frame."""
    grey = np.arange(frames, dtype=np.uint8) * 5 + 20
    write_video(path, np.broadcast_to(grey[:, None, None, None], (frames, height, width, 3)).copy(), fps)
    return Item(path.name, str(path), "walk", 0, file_digest(path))


def test_every_frame_in_order_at_the_short_side(tmp_path: Path) -> None:
    item = write(tmp_path / "a.mp4", 12)
    result = decode(Video(item, DecodeSettings(short_side=24), tmp_path))
    assert isinstance(result, Encoded)
    assert result.info == {"height": 24, "width": 32, "fps": 25.0, "warning": ""}
    run_decode([item], tmp_path / "0000.h5", DecodeSettings(short_side=24), 1, 0.0)
    frames = ShardReader(tmp_path / "0000.h5", "frames").frames(0)
    assert frames.shape == (12, 24, 32, 3)
    assert np.abs(frames.mean(axis=(1, 2, 3)) - (np.arange(12) * 5 + 20)).max() < 3


def test_square_squeezes(tmp_path: Path) -> None:
    result = decode(Video(write(tmp_path / "a.mp4", 4), DecodeSettings(short_side=32, aspect="square"), tmp_path))
    assert isinstance(result, Encoded)
    assert (result.info["height"], result.info["width"]) == (32, 32)


def test_a_broken_end_keeps_what_decodes_with_a_warning(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 48, 64, 3), np.uint8)
    write_video(tmp_path / "a.avi", noise, 25.0)
    path = tmp_path / "a.avi"
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    item = Item("a.avi", str(path), "walk", 0, file_digest(path))
    result = decode(Video(item, DecodeSettings(short_side=48), tmp_path))
    assert isinstance(result, Encoded)
    assert 2 <= len(result.frames) < 40
    assert result.info["fps"] == pytest.approx(25, rel=0.04)
    assert re.match(rf"incomplete: {len(result.frames)} frames decode", result.info["warning"])


def test_unusable_videos_are_failures_with_reasons_and_the_others_go_on(tmp_path: Path) -> None:
    items = [write(tmp_path / "good.mp4", 8), write(tmp_path / "short.mp4", 3)]
    (tmp_path / "text.mp4").write_text("no video")
    items.append(Item("text.mp4", str(tmp_path / "text.mp4"), "walk", 0, "x"))
    settings = DecodeSettings(short_side=32, min_frames=5)
    run_decode(items, tmp_path / "0000.h5", settings, 1, 0.7)
    reader = ShardReader(tmp_path / "0000.h5", "frames")
    assert list(reader.ids) == ["good.mp4"]
    assert reader.failures[0] == Failed("short.mp4", "too short: 3 frames decode, at least 5 are needed")
    assert "not a readable video" in reader.failures[1].reason
    with pytest.raises(UserError, match=r"2 of 3 items failed, more than max_failed_share = 0\.5"):
        run_decode(items, tmp_path / "0001.h5", settings, 1, 0.5)


def test_processes_change_no_byte_and_settings_do(tmp_path: Path) -> None:
    items = [write(tmp_path / f"{number}.mp4", 5 + number) for number in range(3)]
    for workers, name in ((1, "one"), (2, "two")):
        run_decode(items, tmp_path / name / "0000.h5", DecodeSettings(short_side=32), workers, 0.0)
    assert (tmp_path / "one" / "0000.h5").read_bytes() == (tmp_path / "two" / "0000.h5").read_bytes()
    run_decode(items, tmp_path / "one" / "0000.h5", DecodeSettings(short_side=32, quality=50), 1, 0.0)
    one, two = (ShardReader(tmp_path / name / "0000.h5", "frames") for name in ("one", "two"))
    assert one.digest != two.digest
    assert one.provenance["settings"]["quality"] == 50


def test_a_gain_brightens_what_is_decoded(tmp_path: Path) -> None:
    item = write(tmp_path / "a.mp4", 12)
    run_decode([item], tmp_path / "0000.h5", DecodeSettings(short_side=24, gain=3), 1, 0.0)
    frames = ShardReader(tmp_path / "0000.h5", "frames").frames(0)
    assert np.abs(frames.mean(axis=(1, 2, 3)) - 3 * (np.arange(12) * 5 + 20)).max() < 6


def test_an_automatic_gain_is_one_for_the_whole_video(tmp_path: Path) -> None:
    item = write(tmp_path / "a.mp4", 9)  # 20 to 60, 40 on average
    run_decode([item], tmp_path / "0000.h5", DecodeSettings(short_side=24, gain="auto"), 1, 0.0)
    levels = ShardReader(tmp_path / "0000.h5", "frames").frames(0).mean(axis=(1, 2, 3))
    assert levels.mean() == pytest.approx(90, abs=3)
    assert np.abs(levels / (np.arange(9) * 5 + 20) - 90 / 40).max() < 0.15


def test_a_video_that_has_changed_since_the_manifest_is_refused(tmp_path: Path) -> None:
    item = write(tmp_path / "a.mp4", 8)
    write(tmp_path / "a.mp4", 9)
    with pytest.raises(UserError, match=r"a\.mp4: has changed since the manifest was made; run the stage manifest"):
        run_decode([item], tmp_path / "0000.h5", DecodeSettings(short_side=32), 1, 0.5)


def test_whatever_exception_a_video_causes_is_its_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    items = [write(tmp_path / f"{number}.mp4", 5 + number) for number in range(3)]

    def fail(image: np.ndarray, codec: str, quality: int) -> bytes:
        if image.mean() > 20 + 5 * 4.5:  # the sixth frame, which the first video has not
            raise cv2.error("OpenCV(4.x): error:\n  (-4:Insufficient memory)")
        return encode_frame(image, codec, quality)

    monkeypatch.setattr("i2vadapt.data.decode.encode_frame", fail)
    run_decode(items, tmp_path / "0000.h5", DecodeSettings(short_side=32), 1, 0.7)
    reader = ShardReader(tmp_path / "0000.h5", "frames")
    assert reader.ids == ["0.mp4"]
    assert [failure.reason for failure in reader.failures] == [
        f"{item.path}: not processed: error: OpenCV(4.x): error: (-4:Insufficient memory)" for item in items[1:]
    ]
    assert not (tmp_path / "0000.h5.partial").exists()


def test_a_full_disk_is_not_the_fault_of_a_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: FrameWriter, frame: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(FrameWriter, "add", full)
    with pytest.raises(UserError, match="the disk is full"):
        run_decode([write(tmp_path / "a.mp4", 5)], tmp_path / "0000.h5", DecodeSettings(short_side=32), 1, 1.0)


CASES = Path(os.environ.get("I2VADAPT_SHARED", Path(__file__).parents[3] / "shared")) / "cases"


@pytest.mark.skipif(not CASES.is_dir(), reason="the cases are not here")
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("hflip.mp4", (25, 96, 128, "")),
        ("vflip.mp4", (25, 96, 128, "")),
        ("anamorphic.mp4", (25, 96, 256, "")),
        ("ycgco.mp4", (10, 96, 128, "colours: matrix_coefficients 8 is not supported, read as BT.601")),
        ("cut_editlist.mp4", (32, 96, 128, "")),
        ("cover_first.mkv", (25, 96, 128, "")),
        ("unknown_codec.avi", "not a readable video (its codec is unknown to FFmpeg, or its header is damaged)"),
        ("damaged_header.mp4", "not a readable video (its codec is unknown to FFmpeg, or its header is damaged)"),
        ("damaged.wmv", "not a readable video (Invalid data found when processing input)"),
        ("empty.mp4", "is empty"),
    ],
)
def test_reported_cases(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str, expected: tuple[int, int, int, str] | str
) -> None:
    item = Item(name, str(CASES / name), "", -1, "")
    result = decode(Video(item, DecodeSettings(short_side=96), tmp_path))
    if isinstance(result, Failed):
        assert result.reason == f"{item.path}: {expected}"
    else:
        info = result.info
        assert (len(result.frames), info["height"], info["width"], info["warning"]) == expected
    assert capfd.readouterr() == ("", "")

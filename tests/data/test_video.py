from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import pytest

from i2vadapt.data.container import count_packets
from i2vadapt.data.video import VideoStream, read_frames, write_video
from i2vadapt.errors import UserError

CLIPS = Path(os.environ.get("I2VADAPT_SHARED", Path(__file__).parents[3] / "shared")) / "data/clips"
needs_clips = pytest.mark.skipif(not CLIPS.is_dir(), reason="the sample clips are not here")


def moving_square(frames: int = 20, height: int = 48, width: int = 64) -> np.ndarray:
    video = np.full((frames, height, width, 3), 30, np.uint8)
    for k in range(frames):
        video[k, 10:20, 2 * k : 2 * k + 10] = (220, 40, 40)
    return video


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
def test_written_video_comes_back(tmp_path: Path, suffix: str) -> None:
    video = moving_square()
    path = tmp_path / f"clip{suffix}"
    write_video(path, video, 12.5)
    back = read_frames(path)
    assert back.frames.shape == video.shape
    assert back.fps == pytest.approx(12.5, rel=0.04)
    assert back.warning == ""
    assert not back.truncated
    assert np.abs(back.frames.astype(int) - video).mean() < 4
    assert back.frames[5, 15, 15, 0] > 150 > 100 > back.frames[5, 15, 15, 2]  # RGB, not BGR; frames in order
    assert count_packets(path) == 20
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_odd_sizes_grow_to_even(tmp_path: Path) -> None:
    write_video(tmp_path / "odd.mp4", moving_square(4, 31, 45), 25)
    assert read_frames(tmp_path / "odd.mp4").frames.shape == (4, 32, 46, 3)


def test_resizing_to_the_short_side(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    write_video(path, moving_square(), 25)
    assert read_frames(path, 24).frames.shape == (20, 24, 32, 3)
    assert [frame.shape for frame in read_frames(path, 96).frames] == [(96, 128, 3)] * 20


def test_stream_can_be_iterated_again(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    write_video(path, moving_square(), 30)
    stream = VideoStream(path)
    assert len(list(stream)) == len(list(stream)) == stream.frames == 20
    assert stream.fps == pytest.approx(30)


@pytest.mark.parametrize("name", [b"caf\xe9 [1] #&!(x).mp4", "走る ~@;+.mp4".encode()])
def test_any_file_name(tmp_path: Path, name: bytes) -> None:
    write_video(tmp_path / "clip.mp4", moving_square(), 25)
    path = tmp_path / os.fsdecode(name)
    try:
        (tmp_path / "clip.mp4").rename(path)
    except OSError:
        pytest.skip("this file system has no such names")
    assert len(read_frames(path).frames) == count_packets(path) == 20


def test_rotated_recording_is_shown_upright(tmp_path: Path) -> None:
    video = np.full((6, 48, 64, 3), 20, np.uint8)
    video[:, :, :20] = 230
    path = tmp_path / "phone.mp4"
    write_video(path, video, 25)
    data = bytearray(path.read_bytes())
    # The matrix of the track header box: x' = -y, y' = x, which shows the left side at the top.
    place = data.index(b"tkhd") + 44
    data[place : place + 36] = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    frames = read_frames(path).frames
    assert frames.shape == (6, 64, 48, 3)
    assert frames[:, :16].mean() > 200
    assert frames[:, 28:].mean() < 60


def test_truncated_file_keeps_what_decodes_and_says_so(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 48, 64, 3), dtype=np.uint8)
    path = tmp_path / "cut.avi"
    write_video(path, noise, 25)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    clip = read_frames(path)
    assert 5 < len(clip.frames) < 30
    assert clip.truncated
    assert str(len(clip.frames)) in clip.warning
    assert count_packets(path) < 30


def test_what_is_no_video_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("hello " * 1000)
    (tmp_path / "empty.avi").touch()
    (tmp_path / "folder.mp4").mkdir()
    for name in ("text.mp4", "empty.avi", "folder.mp4", "missing.mp4"):
        for read in (read_frames, count_packets):
            with pytest.raises(UserError, match=name):
                read(tmp_path / name)


def test_impossible_writing_is_refused(tmp_path: Path) -> None:
    video = moving_square(2)
    (tmp_path / "file").touch()
    for path, frames, fps, message in (
        (tmp_path / "a.gif", video, 25, r"\.mp4"),
        (tmp_path / "a.mp4", video[..., 0], 25, "shape"),
        (tmp_path / "a.mp4", video, float("nan"), "fps"),
        (tmp_path / "file/a.mp4", video, 25, "cannot be written"),
    ):
        with pytest.raises(UserError, match=message):
            write_video(path, frames, fps)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@needs_clips
@pytest.mark.parametrize(
    ("name", "frames", "fps"),
    [
        ("hmdb51_Turnk_r_Pippi_Michel_cartwheel_f_cm_np2_le_med_6.avi", 83, 30),
        ("v_ApplyEyeMakeup_g01_c01.avi", 164, 25),
        ("v_SoccerJuggling_g23_c01.avi", 240, 29.97),
        ("basketball.mp4", 333, 29.97),
    ],
)
def test_real_clips(name: str, frames: int, fps: float) -> None:
    clip = read_frames(CLIPS / name, 64)
    assert len(clip.frames) == frames
    assert clip.fps == pytest.approx(fps, abs=0.01)
    assert clip.warning == ""
    assert abs(count_packets(CLIPS / name) - frames) <= 1

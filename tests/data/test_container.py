"""What the container says about a video, compared with the ffmpeg program."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from ffmpeg_program import ffmpeg, make, needs_ffmpeg, pattern, set_display_matrix, shown

from i2vadapt.config.documents import Benchmark
from i2vadapt.config.parsing import parse
from i2vadapt.config.preprocessing import DecodeSettings
from i2vadapt.data.container import count_packets
from i2vadapt.data.decode import prepare_frames
from i2vadapt.data.manifest import make_manifest
from i2vadapt.data.video import VideoStream, read_frames
from i2vadapt.errors import UserError

pytestmark = needs_ffmpeg
ORIENTATIONS = [
    *((1, 0, 0, 1), (-1, 0, 0, 1), (1, 0, 0, -1), (-1, 0, 0, -1)),
    *((0, 1, 1, 0), (0, 1, -1, 0), (0, -1, 1, 0), (0, -1, -1, 0)),
]


def difference(one: np.ndarray, other: np.ndarray) -> float:
    assert one.shape == other.shape
    return float(np.abs(one.astype(int) - other).mean())


@pytest.mark.parametrize("matrix", ORIENTATIONS)
def test_every_orientation_is_shown_as_by_the_program(tmp_path: Path, matrix: tuple[int, int, int, int]) -> None:
    path = make(tmp_path / "a.mp4")
    set_display_matrix(path, *matrix)
    clip = read_frames(path)
    expected = shown(path, *((64, 48) if matrix[0] == 0 else (48, 64)))
    assert difference(clip.frames, expected) < 0.5
    assert clip.warning == ""


def test_an_oblique_matrix_is_rounded_with_a_warning(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp4")
    plain = read_frames(path).frames
    set_display_matrix(path, 3, 2, -2, 3)
    clip = read_frames(path)
    assert (clip.frames == plain).all()
    assert clip.warning == "turned by less or more than a quarter turn, shown at the nearest one"


@pytest.mark.parametrize(
    ("aspect", "matrix", "size"),
    [
        ("2/1", (1, 0, 0, 1), (48, 128)),
        ("1/2", (1, 0, 0, 1), (48, 32)),
        ("16/15", (1, 0, 0, 1), (48, 68)),
        ("1024/765", (-1, 0, 0, 1), (48, 86)),
        ("2/1", (0, 1, -1, 0), (128, 48)),
        ("1/1", (1, 0, 0, 1), (48, 64)),
    ],
)
def test_pixels_that_are_not_square(
    tmp_path: Path, aspect: str, matrix: tuple[int, int, int, int], size: tuple[int, int]
) -> None:
    path = make(tmp_path / "a.mp4", "-vf", f"gblur=sigma=4,setsar={aspect}")
    set_display_matrix(path, *matrix)
    settings = DecodeSettings(short_side=min(size))
    frames = np.stack([frame for _, frame in prepare_frames(VideoStream(path), settings)])
    assert difference(frames, shown(path, *size, f"scale={size[1]}:{size[0]}")) < 4
    square = DecodeSettings(short_side=32, aspect="square")
    assert next(prepare_frames(VideoStream(path), square))[1].shape == (32, 32, 3)


def test_a_shape_that_no_frame_can_have_is_the_failure_of_the_video(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mkv", "-aspect", "1000:1")
    with pytest.raises(UserError, match=r"a\.mkv: is shown at \d+x48 pixels, so its frames would have \d{6}x2048"):
        next(prepare_frames(VideoStream(path), DecodeSettings(short_side=2048)))


@pytest.mark.parametrize(("pixels", "full", "values"), [("yuv420p", 0, range(18)), ("yuv444p", 1, (0, 1, 8, 10, 14))])
def test_every_matrix_of_colours(tmp_path: Path, pixels: str, full: int, values: Iterable[int]) -> None:
    plain = make(tmp_path / "plain.mp4", "-c:v", "libx264", "-pix_fmt", pixels, frames=2)
    for value in values:
        path = tmp_path / f"{value}.mp4"
        marks = f"h264_metadata=matrix_coefficients={value}:video_full_range_flag={full}"
        ffmpeg("-i", plain, "-c", "copy", "-bsf:v", marks, path)
        clip = read_frames(path)
        assert difference(clip.frames, shown(path, 48, 64)) == 0, value
        supported = value < 10 and value != 8
        assert ("matrix_coefficients" in clip.warning) != supported, value
        assert clip.warning.count(f"matrix_coefficients {value} ") == (not supported), value


def covered(folder: Path, name: str, *options: object) -> Path:
    """A video of ten frames behind a picture of 32x32."""
    film = make(folder / f"film-{name}.mkv")
    picture = folder / f"{name}.png"
    ffmpeg(*pattern(32, 32, 1), "-frames:v", 1, picture)
    path = folder / name
    ffmpeg("-i", picture, "-i", film, "-map", 0, "-map", 1, *options, path)
    return path


def test_covers_and_thumbnails_are_not_the_video(tmp_path: Path) -> None:
    paths = [
        covered(tmp_path, "flag.mp4", "-c", "copy", "-disposition:v:0", "attached_pic"),
        covered(tmp_path, "default.mkv", "-c:v:0", "mjpeg", "-c:v:1", "copy", "-disposition:v:0", "0"),
        covered(
            tmp_path, "thumbnails.mkv", "-c:v:0", "mjpeg", "-c:v:1", "copy", "-disposition:v:0", "timed_thumbnails"
        ),
    ]
    for path in paths:
        assert read_frames(path).frames.shape == (10, 48, 64, 3), path.name
        assert count_packets(path) == 10, path.name


def test_a_song_with_a_cover_contains_no_video(tmp_path: Path) -> None:
    picture = tmp_path / "cover.png"
    ffmpeg(*pattern(32, 32, 1), "-frames:v", 1, picture)
    sound = ("-f", "lavfi", "-i", "sine=duration=1")
    song = tmp_path / "song.mp4"
    ffmpeg("-i", picture, *sound, "-map", 0, "-map", 1, "-c:v", "copy", "-disposition:v:0", "attached_pic", song)
    with pytest.raises(UserError, match=r"song\.mp4: contains no video, only a cover picture"):
        count_packets(song)


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
@pytest.mark.parametrize("start", [0.3, 1.3, 2.7])
def test_a_clip_cut_without_coding_again_is_complete(tmp_path: Path, suffix: str, start: float) -> None:
    film = make(tmp_path / "film.mp4", "-c:v", "libx264", "-g", 25, frames=100)
    path = tmp_path / f"cut{suffix}"
    ffmpeg("-ss", start, "-i", film, "-c", "copy", path)
    clip = read_frames(path)
    assert clip.warning == ""
    assert difference(clip.frames, shown(path, 48, 64)) == 0
    assert abs(count_packets(path) - len(clip.frames)) <= 1


def test_a_file_that_breaks_off_is_still_told_from_a_cut_one(tmp_path: Path) -> None:
    path = make(tmp_path / "film.mp4", "-movflags", "+faststart", "-g", 10, "-crf", 1, "-c:v", "libx264", frames=100)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    clip = read_frames(path)
    assert 20 < len(clip.frames) < 80
    assert clip.warning.startswith(("incomplete: ", "damaged: "))


KINDS = {
    "00001.MTS": ("-f", "mpegts"),
    "VTS_01_1.VOB": ("-c:v", "mpeg2video", "-f", "vob"),
    "old.asf": ("-c:v", "wmv2", "-f", "asf"),
    "old.divx": ("-c:v", "mpeg4", "-f", "avi"),
    "camera.m2ts": ("-f", "mpegts"),
    "camera.MOD": ("-c:v", "mpeg2video", "-f", "mpeg"),
    "phone.3g2": ("-c:v", "mpeg4", "-f", "3g2"),
    "film.f4v": ("-f", "flv"),
    "film.mxf": ("-c:v", "mpeg2video", "-f", "mxf"),
    "film.rm": ("-c:v", "rv10", "-f", "rm"),
    "film.dat": ("-c:v", "libvpx", "-f", "webm"),
    "no_suffix": ("-f", "mp4"),
    "of 2024.01.31": ("-f", "matroska"),
    "wrong.mp4": ("-c:v", "mpeg4", "-f", "avi"),
}


def test_a_video_is_recognised_by_its_content(tmp_path: Path) -> None:
    folder = tmp_path / "videos" / "walk"
    for name in ("walk", "run"):
        (tmp_path / "videos" / name).mkdir(parents=True)
    for number, (name, options) in enumerate(KINDS.items()):
        make(folder / name, *options, width=352, height=288, frames=6 + number)
    ffmpeg(*pattern(32, 32, 1), "-frames:v", 1, "-f", "image2", "-c:v", "png", folder / "picture")
    ffmpeg("-f", "lavfi", "-i", "sine=duration=1", "-f", "wav", folder / "sound")
    (folder / "README").write_text("Walking people.\n")
    (folder / "list").write_text("#EXTM3U\n#EXTINF:1,\nold.divx\n#EXT-X-ENDLIST\n")
    for name in ("notes.txt", "index.csv", "Thumbs.db", ".DS_Store", "still.jpg"):
        (folder / name).write_text("x")
    make(tmp_path / "videos" / "run" / "a.mp4")
    document = {
        "name": "test",
        "source": {"dataset": "photos", "root": str(tmp_path)},
        "target": {"dataset": "videos", "root": str(tmp_path / "videos")},
        "classes": {name: {"source": [name], "target": [name]} for name in ("walk", "run")},
    }
    manifest = make_manifest(parse(Benchmark, document, "test.yaml"), "target", 2)
    assert [item.id for item in manifest.items] == ["run/a.mp4", *sorted(f"walk/{name}" for name in KINDS)]
    for item in manifest.items:
        assert len(read_frames(item.path).frames) >= 5, item.id
    found = {row.id.removeprefix("walk/"): row.reason for row in manifest.excluded}
    for name in ("README", "list", "sound", "picture"):
        assert found.pop(name).startswith("not a video by its content: "), name
    assert found == dict.fromkeys(("notes.txt", "index.csv", "Thumbs.db", "still.jpg"), "not a video by its suffix")

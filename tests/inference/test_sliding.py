"""Windows of a video: their times and frames, memory, the timeline as files and drawn on the video."""

from __future__ import annotations

import csv
import json
import tracemalloc
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from saved_method import DECODE, FLOW

from i2vadapt.cli import main
from i2vadapt.clips.evaluation import evaluation_clip
from i2vadapt.clips.plain_video import PlainVideo
from i2vadapt.data.decode import prepare_frames
from i2vadapt.data.shards.codec import as_stored
from i2vadapt.data.video import VideoStream, read_frames, write_video
from i2vadapt.data.video_files import FoundVideo
from i2vadapt.inference.annotate import draw_bars
from i2vadapt.inference.classifier import Classifier, load_classifier, score_in_batches
from i2vadapt.inference.predict import Prediction, predict_videos
from i2vadapt.inference.predictions import FUSED
from i2vadapt.inference.spans import divide


def slide(classifier: Classifier, path: Path, seconds: float) -> list[Prediction]:
    return list(predict_videos(classifier, [FoundVideo(path)], seconds, 4, 2))


@pytest.fixture(scope="module")
def film(saved: Path) -> Path:
    """A video of 50 frames, 2 seconds."""
    rng = np.random.default_rng(3)
    picture = rng.integers(0, 256, (7, 12, 3)).astype(np.uint8).repeat(10, 0).repeat(10, 1)
    write_video(saved / "film.mp4", (picture[:48, k : k + 60] for k in range(50)), 25.0)
    return saved / "film.mp4"


@given(
    gaps=st.lists(st.floats(0.001, 2), min_size=1, max_size=80),
    seconds=st.floats(0.05, 30),
    least=st.integers(2, 4),
)
def test_windows_cover_a_video_whatever_the_times_of_its_frames(gaps: list[float], seconds: float, least: int) -> None:
    times = np.concatenate([np.zeros(1), np.cumsum([*gaps, 0.1, 0.1, 0.1])])
    fps = (len(times) - 1) / times[-1]
    end = times[-1] + 1 / fps
    spans = divide(times, fps, seconds, least)
    assert [span.start for span in spans] == pytest.approx([k * seconds / 2 for k in range(len(spans))])
    assert spans[-1].end == pytest.approx(end)
    assert all(span.end == pytest.approx(span.start + seconds) for span in spans[:-1])
    assert len(spans) == 1 or spans[-1].end - spans[-1].start > seconds / 2 - 1e-5
    for span in spans:
        assert span.count >= least
        assert 0 <= span.first <= span.first + span.count <= len(times)
        within = np.flatnonzero((times >= span.start + 1e-5) & (times < span.end - 1e-5))
        assert set(within.tolist()) <= set(range(span.first, span.first + span.count))


def test_windows_of_a_regular_video_have_its_frame_rate() -> None:
    spans = divide(np.arange(50) / 25, 25.0, 0.8, 2)
    assert [(span.start, span.end, span.first, span.count) for span in spans] == [
        (pytest.approx(0.4 * k), pytest.approx(0.4 * k + 0.8), 10 * k, 20) for k in range(4)
    ]
    (whole,) = divide(np.arange(50) / 25, 25.0, 3.0, 2)
    assert (whole.start, whole.end, whole.first, whole.count) == (0, 2, 0, 50)


def test_a_window_is_seen_as_a_video_of_its_own(saved: Path, film: Path) -> None:
    classifier = load_classifier(saved / "method")
    found = slide(classifier, film, 0.8)
    assert [one.span.first for one in found if one.span] == [0, 10, 20, 30]
    frames = {k: as_stored(frame, "jpeg", DECODE.quality) for k, frame in prepare_frames(VideoStream(film), DECODE)}
    for one in found:
        assert one.span is not None
        own = {number: frames[one.span.first + number] for number in range(one.span.count)}
        for member in classifier.members:
            footage = PlainVideo(own, 0, len(own), member.settings.stream, FLOW)
            clip = evaluation_clip(footage, "film", 8, 32)
            (alone,) = score_in_batches(member, [{"clip": clip[None]}])
            assert one.probabilities[member.settings.stream].tolist() == alone.tolist()
    assert len({tuple(one.final.tolist()) for one in found}) == 4


def test_a_window_as_long_as_the_video_is_the_video(saved: Path, film: Path) -> None:
    classifier = load_classifier(saved / "method")
    (window,) = slide(classifier, film, 5)
    (whole,) = predict_videos(classifier, [FoundVideo(film)], None, 8, 1)
    assert window.final.tolist() == whole.final.tolist()
    assert window.span == whole.span


def test_windows_shorter_than_two_frames_are_refused(saved: Path, film: Path) -> None:
    (found,) = slide(load_classifier(saved / "method"), film, 0.05)
    assert found.problem == f"{film}: windows of 0.05 s are shorter than two frames (0.08 s)"


def test_frames_of_earlier_windows_are_not_kept(saved: Path, tmp_path: Path) -> None:
    classifier = load_classifier(saved / "rgb" / "checkpoint.pt")
    still = np.random.default_rng(0).integers(0, 256, (60, 500, 3), np.uint8)
    peaks = []
    for count in (60, 60, 400):
        write_video(tmp_path / "long.mp4", (still[:, number : number + 80] for number in range(count)), 25.0)
        tracemalloc.start()
        for _ in predict_videos(classifier, [FoundVideo(tmp_path / "long.mp4")], 1.6, 4, 1):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < peaks[1] + 300_000  # the frames of all windows take 1.3 MB more


def write_irregular(path: Path, times: list[float]) -> None:
    """A video whose frames are shown at given times, seconds."""
    rng = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for time in times:
            frame = av.VideoFrame.from_ndarray(rng.integers(0, 256, (48, 64, 3), np.uint8), format="rgb24")
            frame.pts, frame.time_base = round(1000 * time), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def test_windows_follow_the_time_stamps(saved: Path, tmp_path: Path) -> None:
    times = [*np.arange(20) * 0.04, *(1 + np.arange(10) * 0.2)]
    write_irregular(tmp_path / "irregular.mkv", times)
    stream = VideoStream(tmp_path / "irregular.mkv")
    assert stream.count() == 30
    assert stream.times() == pytest.approx(times, abs=1e-3)
    found = slide(load_classifier(saved / "rgb" / "checkpoint.pt"), tmp_path / "irregular.mkv", 1.0)
    spans = [one.span for one in found if one.span is not None]
    assert [span.start for span in spans] == pytest.approx([0.5 * k for k in range(len(spans))])
    assert (spans[0].first, spans[0].count) == (0, 20)
    assert (spans[2].first, spans[2].count) == (20, 5)


def test_a_timeline_on_the_terminal_in_files_and_on_the_video(
    saved: Path, film: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    names = {kind: tmp_path / f"timeline.{kind}" for kind in ("csv", "json", "mp4")}
    outputs = ["--csv", str(names["csv"]), "--json", str(names["json"]), "--annotate", str(names["mp4"])]
    assert main(["predict", str(saved / "method"), str(film), "--sliding", "0.8", *outputs]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[0].split() == ["video", "start", "s", "end", "s", "stream", "probabilities"]
    assert lines[1].startswith(f"{film}     0.00     0.80  rgb    ")
    assert len(lines) == 1 + 4 * 3
    with names["csv"].open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["start"], row["end"]) for row in rows[::3]] == [
        ("0", "0.8"),
        ("0.4", "1.2"),
        ("0.8", "1.6"),
        ("1.2", "2"),
    ]
    (video,) = json.loads(names["json"].read_text())["videos"]
    assert [set(window["probabilities"]) for window in video["windows"]] == [{"rgb", "flow", FUSED}] * 4
    plain, drawn = read_frames(film), read_frames(names["mp4"])
    assert drawn.frames.shape == plain.frames.shape
    assert drawn.fps == pytest.approx(plain.fps)
    corner = np.abs(drawn.frames.astype(int) - plain.frames)[:, :10, :20]
    assert corner.mean() > 5 * np.abs(drawn.frames.astype(int) - plain.frames)[:, -10:].mean()


def test_only_one_video_can_be_drawn_on(saved: Path, capfd: pytest.CaptureFixture[str]) -> None:
    videos = [str(saved / f"{number}.mp4") for number in range(2)]
    out = saved / "two.mp4"
    assert main(["predict", str(saved / "method"), *videos, "--annotate", str(out)]) == 1
    assert capfd.readouterr().err == "i2vadapt: error: --annotate: needs one video, not 2\n"
    assert not out.exists()


def test_bars_are_as_long_as_the_probabilities() -> None:
    frame = np.zeros((240, 320, 3), np.uint8)
    before = frame.copy()

    def length(value: float) -> int:
        drawn = draw_bars(frame, [("walk", value)])
        assert drawn.shape == frame.shape
        return int((drawn[:, :, 2] > drawn[:, :, 0]).any(axis=0).sum())

    assert length(0.5) == pytest.approx(length(1.0) / 2, abs=2)
    assert length(1.0) > 4 * length(0.1)
    assert (frame == before).all()

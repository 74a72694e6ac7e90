"""Plain videos as a whole: the same clips and numbers as for shards, memory, failures."""

from __future__ import annotations

import csv
import json
import os
import shutil
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from damaged_videos import write_damaged
from saved_method import DECODE, FLOW, STREAMS, content, make_dataset, write_description

from i2vadapt.cli import main
from i2vadapt.clips.dataset import ClipDataset
from i2vadapt.clips.evaluation import EvaluationClips, evaluation_clip
from i2vadapt.clips.plain_video import PlainVideo, needed_frames
from i2vadapt.config.preprocessing import DecodeSettings, FlowSettings
from i2vadapt.data.decode import prepare_frames
from i2vadapt.data.shards.codec import as_stored
from i2vadapt.data.video import VideoStream, write_video
from i2vadapt.data.video_files import FoundVideo, find_videos
from i2vadapt.errors import UserError
from i2vadapt.inference import evaluate as evaluation
from i2vadapt.inference.classifier import Classifier, load_classifier, score_in_batches
from i2vadapt.inference.predict import Prediction, predict_videos
from i2vadapt.inference.predictions import FUSED
from i2vadapt.inference.scores import Scores, fuse
from i2vadapt.weights import checkpoint

CODECS = [("jpeg", "jpeg"), ("raw", "raw")]


def predict(classifier: Classifier, paths: Sequence[Path], batch_size: int = 8, threads: int = 1) -> list[Prediction]:
    return list(predict_videos(classifier, [FoundVideo(path) for path in paths], None, batch_size, threads))


@pytest.mark.parametrize(("frames", "flow"), CODECS)
def test_a_video_has_the_numbers_that_evaluate_gives_it_to_the_last_bit(
    saved: Path, tmp_path: Path, frames: str, flow: str
) -> None:
    decode = DecodeSettings.model_validate({**DECODE.model_dump(), "codec": frames, "quality": 80})
    motion = FlowSettings.model_validate({**FLOW.model_dump(), "codec": flow, "quality": 80})
    for stream in STREAMS:
        settings = {"decode": decode.model_dump(mode="json"), "flow": motion.model_dump(mode="json")}
        checkpoint.save(tmp_path / stream / "checkpoint.pt", {**content(stream), **settings})
    write_description(tmp_path / "method", list(STREAMS), [1.25, 0.75])
    classifier = load_classifier(tmp_path / "method")
    folder, items = make_dataset(saved, decode, motion)
    scores: list[Scores] = [
        evaluation._score_dataset(member, classifier.classes, folder, 8, 0) for member in classifier.members
    ]
    fused = fuse(scores, [1.25, 0.75]).probabilities / np.float32(2)
    for batch_size, threads in ((8, 1), (1, 2), (2, 2)):
        found = predict(classifier, [Path(item.path) for item in items], batch_size, threads)
        for number, one in enumerate(found):
            assert (one.span, one.spans, one.problem) == (one.span, 1, "")
            assert list(one.probabilities) == [*STREAMS, FUSED]
            for stream, part in zip(STREAMS, scores, strict=True):
                assert one.probabilities[stream].tolist() == part.probabilities[number].tolist()
            assert one.probabilities[FUSED].tolist() == fused[number].tolist()
    assert len({tuple(row) for row in fused.tolist()}) == 3


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize(("codec", "other"), CODECS)
def test_the_clip_of_a_plain_video_is_that_of_its_shards(saved: Path, stream: str, codec: str, other: str) -> None:
    decode = DecodeSettings.model_validate({**DECODE.model_dump(), "codec": codec})
    flow = FlowSettings.model_validate({**FLOW.model_dump(), "codec": other})
    folder, items = make_dataset(saved, decode, flow)
    dataset = ClipDataset(folder, stream)  # type: ignore[arg-type]
    for item in items:
        prepared = prepare_frames(VideoStream(item.path), decode)
        frames = {number: as_stored(frame, codec, decode.quality) for number, frame in prepared}
        footage = PlainVideo(frames, 0, len(frames), stream, flow)  # type: ignore[arg-type]
        stored, plain = (evaluation_clip(source, item.id, 8, 32) for source in (dataset, footage))
        assert stored.shape == (8, 32, 32, 3 if stream == "rgb" else 2)
        assert torch.equal(stored, plain)


def test_a_clip_has_the_same_probabilities_in_every_batch(saved: Path) -> None:
    classifier = load_classifier(saved / "method")
    folder, _ = make_dataset(saved)
    for member in classifier.members:
        clips = EvaluationClips(ClipDataset(folder, member.settings.stream), 8, 32)
        whole = torch.stack([clips[number]["clip"] for number in (0, 1, 2, 0, 1)])
        found = [
            score_in_batches(member, [{"clip": part} for part in whole.split(size)]).tolist() for size in (5, 3, 2, 1)
        ]
        assert all(rows == found[0] for rows in found)


def test_one_network_of_a_method_predicts_by_itself(saved: Path) -> None:
    (both,) = predict(load_classifier(saved / "method"), [saved / "0.mp4"])
    for stream in STREAMS:
        (alone,) = predict(load_classifier(saved / stream / "checkpoint.pt"), [saved / "0.mp4"])
        assert list(alone.probabilities) == [stream]
        assert alone.final.tolist() == both.probabilities[stream].tolist()
    assert both.final == pytest.approx(sum(both.probabilities[stream] for stream in STREAMS) / 2, abs=1e-6)


def test_videos_that_are_too_short_or_no_videos(saved: Path) -> None:
    (saved / "text.mp4").write_text("x")
    names = ("short.mp4", "text.mp4", "none.mp4", "0.mp4")
    found = predict(load_classifier(saved / "rgb" / "checkpoint.pt"), [saved / name for name in names])
    assert [one.video.name for one in found] == list(names)
    assert found[0].problem == f"{saved / 'short.mp4'}: 3 frames decode, at least 4 are needed"
    assert found[1].problem.startswith(f"{saved / 'text.mp4'}: not a readable video")
    assert found[2].problem == f"{saved / 'none.mp4'}: cannot be read: No such file or directory"
    assert not found[3].problem


def test_the_number_of_packets_is_only_a_guess(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = load_classifier(saved / "method")
    (right,) = predict(classifier, [saved / "1.mp4"])
    for guess in (0, 11, 13, 40):
        monkeypatch.setattr("i2vadapt.inference.spans.count_packets", lambda _, guess=guess: guess)
        (found,) = predict(classifier, [saved / "1.mp4"])
        assert found.final.tolist() == right.final.tolist()


def test_frames_that_no_network_looks_at_are_not_kept(saved: Path, tmp_path: Path) -> None:
    classifier = load_classifier(saved / "method")
    still = np.random.default_rng(0).integers(0, 256, (60, 500, 3), np.uint8)
    peaks = []
    for count in (25, 25, 400):
        write_video(tmp_path / "long.mp4", (still[:, number : number + 80] for number in range(count)), 25.0)
        tracemalloc.start()
        predict(classifier, [tmp_path / "long.mp4"])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < peaks[1] + 100_000  # 400 frames of 53x40 pixels take 2.5 MB


@pytest.mark.parametrize("stream", STREAMS)
def test_the_frames_of_a_long_video_are_those_of_all_its_frames(saved: Path, stream: str) -> None:
    frames = dict(prepare_frames(VideoStream(saved / "1.mp4"), DECODE))
    few = needed_frames(stream, len(frames), 8)  # type: ignore[arg-type]
    picked = dict(prepare_frames(VideoStream(saved / "1.mp4"), DECODE, few))
    assert set(picked) == few
    one, other = (
        evaluation_clip(PlainVideo(source, 0, len(frames), stream, FLOW), "1.mp4", 8, 32)  # type: ignore[arg-type]
        for source in (frames, picked)
    )
    assert torch.equal(one, other)


def test_a_folder_is_searched_as_a_dataset_is(saved: Path, tmp_path: Path) -> None:
    names = (
        "a b é.mp4",
        "walk/-x.AVI",
        "walk/no suffix",
        "@eaDir/1.mp4",
        "._2.mp4",
        ".hidden.mp4",
        "notes.txt",
        "data",
    )
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(saved / "0.mp4", tmp_path / name)
    (tmp_path / "data").write_text("no video")
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/walk/\xff.mp4"))
    shutil.copy(saved / "0.mp4", odd)
    wanted = [tmp_path / "a b é.mp4", tmp_path / "walk/-x.AVI", tmp_path / "walk/no suffix", odd]
    assert sorted(video.path for video in find_videos([tmp_path, odd])) == sorted(wanted)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="empty: contains no videos"):
        find_videos([tmp_path / "empty"])


def test_predict_goes_on_after_videos_that_fail(saved: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = saved / "damaged"
    folder.mkdir()
    (folder / "empty.mp4").touch()
    paths = [*write_damaged(folder, 12), folder / "empty.mp4", saved / "0.mp4"]
    csv_file, json_file = saved / "all.csv", saved / "all.json"
    written = ["--csv", str(csv_file), "--json", str(json_file)]
    assert main(["predict", str(saved / "method"), *map(str, paths), *written]) == 1
    printed = capfd.readouterr()
    lines = printed.out.splitlines()
    assert lines[0].split() == ["video", "stream", "probabilities"]
    named = [line for line in lines[1:] if not line.startswith(" ")]
    assert [line.split("  ")[0] for line in named] == [str(path) for path in paths]
    failed = [str(path) for path, line in zip(paths, named, strict=True) if line.endswith("not predicted")]
    assert str(folder / "empty.mp4") in failed
    errors = [line for line in printed.err.splitlines() if "i2vadapt: error: " in line]
    assert [line.split(": ")[2] for line in errors] == failed
    assert "Traceback" not in printed.err
    with csv_file.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(dict.fromkeys(row["video"] for row in rows)) == [str(path) for path in paths]
    assert [row["video"] for row in rows if row["problem"]] == failed
    assert [row["stream"] for row in rows[-3:]] == [*STREAMS, FUSED]
    (alone,) = predict(load_classifier(saved / "method"), [saved / "0.mp4"])
    written_values = np.array([[row["probability_walk"], row["probability_run"]] for row in rows[-3:]], np.float32)
    assert written_values.tolist() == [values.tolist() for values in alone.probabilities.values()]
    document = json.loads(json_file.read_text())
    assert [video["video"] for video in document["videos"] if video["problem"]] == failed
    (window,) = document["videos"][-1]["windows"]
    assert (window["start"], window["end"]) == pytest.approx((0, 12 / 25))
    assert np.float32(window["probabilities"][FUSED]["walk"]) == alone.final[0]


def test_whatever_exception_a_video_causes_the_others_are_predicted(
    saved: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path) -> int:
        if path.name == "1.mp4":
            raise MemoryError
        return 12

    monkeypatch.setattr("i2vadapt.inference.spans.count_packets", fail)
    paths = [str(saved / f"{number}.mp4") for number in range(3)]
    assert main(["predict", str(saved / "rgb" / "checkpoint.pt"), *paths]) == 1
    printed = capfd.readouterr()
    assert ["not predicted" in line for line in printed.out.splitlines()[1:]] == [False, True, False]
    assert f"i2vadapt: error: {paths[1]}: cannot be predicted: not enough memory" in printed.err

from __future__ import annotations

import logging
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from tiny_data import (
    CLASSES,
    FRAMES,
    HEIGHT,
    SHARDS,
    WIDTH,
    make_items,
    make_run,
    write_datasets,
    write_flow,
    write_frames,
)
from torch import Tensor

from i2vadapt.clips.batches import PACED, SOURCE, TARGET
from i2vadapt.clips.dataset import ClipDataset
from i2vadapt.clips.evaluation import EvaluationClips, evaluation_clip
from i2vadapt.clips.photographs import PhotographClips, Photographs
from i2vadapt.clips.placement import place, scaled
from i2vadapt.clips.sampling import draw_pace, pace_indices, segment_frame, uniform_indices
from i2vadapt.clips.source import SourceClips, stream_window
from i2vadapt.clips.target import PacedClips, TargetClips, TargetFrames
from i2vadapt.clips.window import CENTRE, Window
from i2vadapt.config.recipes.video import Settings
from i2vadapt.data.flow_codec import quantise
from i2vadapt.data.items import write_items
from i2vadapt.data.shards.codec import encode_jpeg
from i2vadapt.data.shards.set import ShardSet
from i2vadapt.errors import UserError
from i2vadapt.layout import DatasetFolder
from i2vadapt.runtime.precision import choose_arithmetic

SIDE, KEY = 32, (3, 1)
WHOLE = (slice(0, HEIGHT), slice(0, WIDTH))


@pytest.fixture(scope="module")
def frames(data: Path) -> dict[str, ClipDataset]:
    return {side: ClipDataset(data / side, "rgb") for side in ("source", "target")}


@pytest.fixture(scope="module")
def flow(data: Path) -> dict[str, ClipDataset]:
    return {side: ClipDataset(data / side, "flow") for side in ("source", "target")}


def settings_of(stream: str, **changes: object) -> Settings:
    settings = make_run(Path(), Path(), stream=stream, **changes).settings
    assert isinstance(settings, Settings)
    return settings


def stored(data: Path, side: str, kind: str, item_id: str, indices: np.ndarray) -> np.ndarray:
    """Uncropped frames or flow codes of an item."""
    shards = ShardSet(DatasetFolder(data / side).shards(kind, SHARDS), kind)
    return shards.stored(item_id, indices, lambda height, width: WHOLE)


def test_windows_reach_the_corners() -> None:
    assert Window(0, 0).area(5, 6, 3, "x") == (slice(0, 3), slice(0, 3))
    assert Window(1, 1).area(5, 6, 3, "x") == (slice(2, 5), slice(3, 6))
    assert CENTRE.area(5, 7, 5, "x") == Window().area(5, 7, 5, "x") == (slice(0, 5), slice(1, 6))
    assert not CENTRE.flip
    with pytest.raises(UserError, match=r"crop: 6 is larger than the frames of x \(6x5\)"):
        Window().area(5, 6, 6, "x")


def test_drawn_windows_cover_the_frame_and_half_of_them_are_mirrored() -> None:
    rng = np.random.default_rng(0)
    drawn = [Window.draw(rng) for _ in range(1000)]
    for places in ([window.y for window in drawn], [window.x for window in drawn]):
        assert np.histogram(places, 4, (0, 1))[0].min() > 200
    assert 450 < sum(window.flip for window in drawn) < 550


def test_rgb_and_flow_are_scaled_to_minus_one_and_one() -> None:
    rgb = torch.tensor([0, 255], dtype=torch.uint8)[:, None].expand(2, 3)
    assert scaled(rgb)[:, 0].tolist() == [-1, 1]
    codes, _ = quantise(np.array([[-99.0, 0.0], [20.0, 10.0]]), 20)
    values = scaled(torch.from_numpy(codes))
    assert values.flatten().tolist() == pytest.approx([-1, 0, 1, 0.5], abs=0.5 / 127)
    assert values[0, 1] == 0
    assert scaled(torch.zeros(1, 2, dtype=torch.uint8)).eq(-1).all()  # JPEG may turn a code of 1 into 0
    aggregate = torch.full((1, 2), 0.3)
    assert scaled(aggregate) is aggregate


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float64"])
def test_networks_get_channels_first_values_whatever_the_layout_in_memory(precision: str) -> None:
    arithmetic = choose_arithmetic(precision)
    clips = torch.arange(2 * 3 * 4 * 5 * 3, dtype=torch.int64).to(torch.uint8).reshape(2, 3, 4, 5, 3)
    placed = place(clips, arithmetic)
    assert placed.shape == (2, 3, 3, 4, 5)
    assert placed.dtype == arithmetic.dtype
    assert placed.device.type == arithmetic.device.type
    assert placed.is_contiguous(memory_format=arithmetic.memory_format)
    expected = (clips * (2 / 255) - 1).to(arithmetic.dtype)
    torch.testing.assert_close(placed.cpu().permute(0, 2, 3, 4, 1), expected, atol=1e-6, rtol=1e-6)
    blended = torch.rand(2, 3, 4, 5, 2)
    assert place(blended, arithmetic).cpu().permute(0, 2, 3, 4, 1).equal(blended.to(arithmetic.dtype))


@pytest.mark.parametrize("flip", [False, True])
def test_a_clip_is_the_crop_of_the_stored_frames(
    data: Path, frames: dict[str, ClipDataset], flow: dict[str, ClipDataset], flip: bool
) -> None:
    item, window = frames["target"].items[0].id, Window(0.3, 0.8, flip)
    indices = np.array([7, 0, 7, FRAMES - 1])
    rows, columns = window.area(HEIGHT, WIDTH, SIDE, item)
    rgb = stored(data, "target", "frames", item, indices)[:, rows, columns]
    clip = frames["target"].clip(item, indices, window, SIDE)
    assert clip.dtype == torch.uint8
    np.testing.assert_array_equal(clip, rgb[:, :, ::-1] if flip else rgb)
    # There is no flow after the last frame, so that of the last pair is used.
    codes = stored(data, "target", "flow", item, np.minimum(indices, FRAMES - 2))[:, rows, columns]
    codes_clip, plain = flow["target"].clip(item, indices, window, SIDE), scaled(torch.from_numpy(codes))
    assert codes_clip.dtype == torch.uint8
    mirrored = plain.flip(2) * torch.tensor([-1.0, 1.0])
    torch.testing.assert_close(scaled(codes_clip), mirrored if flip else plain)
    assert frames["target"].count(item) == flow["target"].count(item) == FRAMES


def in_range(codes: Tensor) -> Tensor:
    """Flow of a clip (T,S,S,2) as the network receives it, in float64."""
    return scaled(codes).double()


@pytest.mark.parametrize("window", ["random", "centre"])
def test_blended_flow_is_the_weighted_sum_of_decoded_fields(flow: dict[str, ClipDataset], window: str) -> None:
    ids = [item.id for item in flow["target"].items]
    clips = {}
    for name, strategy, retrieved in [
        ("blend", "simw_sum", [(ids[0], 0.5), (ids[1], 0.3), (ids[3], 0.2)]),
        *((item_id, "random", [(item_id, 1.0)]) for item_id in ids),
    ]:
        settings = settings_of("flow", bank={"window": window, "strategy": strategy, "partner": "rgb"})
        source = SourceClips(
            flow["source"], flow["target"], settings, KEY, lambda rng, index, retrieved=retrieved: retrieved
        )
        clips[name] = source[2]["clip"]
    assert clips["blend"].dtype == torch.float32
    assert clips[ids[0]].dtype == torch.uint8
    expected = 0.5 * in_range(clips[ids[0]]) + 0.3 * in_range(clips[ids[1]]) + 0.2 * in_range(clips[ids[3]])
    torch.testing.assert_close(clips["blend"].double(), expected, atol=1e-6, rtol=0)
    codes = 127 * clips["blend"]
    assert (codes - codes.round()).abs().max() > 0.1  # not rounded back to codes
    plain = flow["target"].clip(ids[0], uniform_indices(FRAMES, 8), CENTRE, SIDE)
    assert torch.equal(clips[ids[0]], plain) == (window == "centre")


def test_source_videos_keep_their_own_flow_where_nothing_is_retrieved(flow: dict[str, ClipDataset]) -> None:
    found = {}
    for strategy in ("random", "mean"):
        settings = settings_of("flow", bank={"strategy": strategy})
        own = SourceClips(flow["source"], flow["target"], settings, KEY, None)[0]["clip"]
        empty = SourceClips(flow["source"], flow["target"], settings, KEY, lambda rng, index: [])
        found[strategy] = empty[0]["clip"]
        assert own.dtype == torch.uint8
        torch.testing.assert_close(in_range(found[strategy]), in_range(own), atol=1e-6, rtol=0)
        assert in_range(own)[..., 1].mean() > 0.3
    assert {name: clip.dtype for name, clip in found.items()} == {"random": torch.uint8, "mean": torch.float32}


def test_the_retrieved_flow_is_chosen_by_item_number_and_a_generator_of_its_own(
    flow: dict[str, ClipDataset],
) -> None:
    calls: list[tuple[int, float]] = []

    def retrieve(rng: np.random.Generator, index: int) -> list[tuple[str, float]]:
        calls.append((index, rng.random()))
        return [(flow["target"].items[index].id, 1.0)]

    settings = settings_of("flow", bank={})
    clips = SourceClips(flow["source"], flow["target"], settings, KEY, retrieve)
    samples = [clips[index] for index in (2, 0, 2)]
    assert [index for index, _ in calls] == [2, 0, 2]
    assert calls[0] == calls[2] != calls[1]
    assert torch.equal(samples[0]["clip"], samples[2]["clip"])
    assert all(in_range(sample["clip"])[..., 1].mean() < -0.3 for sample in samples)  # flow of the target
    labels = flow["source"].labels
    assert [int(sample["label"]) for sample in samples] == [labels[2], labels[0], labels[2]]


def windows_of(purpose: int, index: int) -> tuple[Window, Window]:
    """The first two windows drawn for an item."""
    rng = np.random.default_rng([*KEY, purpose, index])
    if purpose == PACED:
        draw_pace(rng, FRAMES, 5)
    return Window.draw(rng), Window.draw(rng)


@pytest.mark.parametrize("crops", ["shared", "separate"])
def test_runs_of_both_streams_use_the_same_crops_unless_they_are_separate(
    frames: dict[str, ClipDataset], flow: dict[str, ClipDataset], crops: str
) -> None:
    whole = uniform_indices(FRAMES, 8)
    for stream, datasets in (("rgb", frames), ("flow", flow)):
        settings = settings_of(stream, crops=crops, bank={})
        for purpose, side in ((SOURCE, "source"), (TARGET, "target")):
            dataset = datasets[side]
            window_of = partial(stream_window, settings=settings)
            clips = (
                SourceClips(dataset, datasets["target"], settings, KEY, None)
                if purpose == SOURCE
                else TargetClips(dataset, settings.clip_frames, settings.crop, window_of, KEY)
            )
            assert len(clips) == len(dataset.items) == 4
            for index, item in enumerate(dataset.items):
                window = windows_of(purpose, index)[stream == "flow" and crops == "separate"]
                sample = clips[index]
                assert torch.equal(sample["clip"], dataset.clip(item.id, whole, window, SIDE)), (stream, side, index)
                assert sample.keys() == ({"clip", "label"} if purpose == SOURCE else {"clip", "index"})


@pytest.mark.parametrize("looping", ["modulo", "restart"])
def test_paced_clips_are_sampled_at_the_pace_of_their_label(frames: dict[str, ClipDataset], looping: str) -> None:
    settings = settings_of("rgb", pace={"looping": looping})
    assert settings.pace is not None
    clips = PacedClips(frames["target"], settings, settings.pace, KEY)
    paces = []
    for index, item in enumerate(frames["target"].items):
        start, rate = draw_pace(np.random.default_rng([*KEY, PACED, index]), FRAMES, 5)
        indices = pace_indices(FRAMES, start, rate, 8, looping)  # type: ignore[arg-type]
        sample = clips[index]
        assert torch.equal(sample["clip"], frames["target"].clip(item.id, indices, windows_of(PACED, index)[0], SIDE))
        assert int(sample["pace"]) == rate
        paces.append(rate)
    assert len(clips) == 4
    assert len(set(paces)) > 1


def test_clips_change_only_with_the_epoch_and_the_seed(frames: dict[str, ClipDataset]) -> None:
    settings = settings_of("rgb")

    def squares(key: tuple[int, int]) -> list[bytes]:
        clips = SourceClips(frames["source"], frames["target"], settings, key, None)
        return [clips[index]["clip"].numpy().tobytes() for index in range(4)]

    first = squares((3, 1))
    assert squares((3, 1)) == first
    assert squares((3, 2)) != first
    assert squares((4, 1)) != first


@pytest.mark.parametrize("stream", ["rgb", "flow"])
def test_evaluation_sees_the_whole_video_at_the_centre(data: Path, stream: str) -> None:
    dataset = ClipDataset(data / "target", stream)  # type: ignore[arg-type]
    clips = EvaluationClips(dataset, 5, SIDE)
    assert len(clips) == 4
    indices = np.array([0, 2, 4, 6, 8])
    for number, item in enumerate(dataset.items):
        sample = clips[number]
        kind = "frames" if stream == "rgb" else "flow"
        expected = stored(data, "target", kind, item.id, indices)[:, 4:36, 8:40]
        np.testing.assert_array_equal(sample["clip"], expected)
        assert torch.equal(sample["clip"], evaluation_clip(dataset, item.id, 5, SIDE))
        assert int(sample["index"]) == number


def test_a_dataset_with_fewer_items_keeps_its_shards(flow: dict[str, ClipDataset]) -> None:
    whole = flow["target"]
    part = whole.only({"run/1.mp4", "walk/0.mp4", "no/such.mp4"})
    assert [item.id for item in part.items] == ["walk/0.mp4", "run/1.mp4"]
    assert part.labels.tolist() == [0, 1]
    assert len(whole.items) == 4
    assert torch.equal(*(dataset.clip("run/1.mp4", np.arange(3), CENTRE, SIDE) for dataset in (whole, part)))
    assert part.digests() == whole.digests()


def test_an_rgb_run_reads_no_flow(tmp_path: Path, data: Path, flow: dict[str, ClipDataset]) -> None:
    write_datasets(tmp_path, flow=False)
    dataset = ClipDataset(tmp_path / "target", "rgb")
    assert dataset.digests()["flow"] == []
    assert dataset.flow_settings == {}
    assert len(dataset.digests()["frames"]) == len(flow["target"].digests()["flow"]) == SHARDS
    assert flow["target"].flow_settings["bound"] == 10
    assert dataset.frames_settings["short_side"] == flow["target"].frames_settings["short_side"] == HEIGHT
    with pytest.raises(UserError, match=r"target/flow/0000\.h5: "):
        ClipDataset(tmp_path / "target", "flow")


def test_labels_may_be_unknown(tmp_path: Path, frames: dict[str, ClipDataset]) -> None:
    write_frames(tmp_path, make_items(".mp4", labelled=False), seed=1)
    dataset = ClipDataset(tmp_path, "rgb")
    assert dataset.labels.tolist() == [-1] * 4
    assert not dataset.is_labelled
    assert frames["target"].is_labelled
    assert frames["target"].labels.tolist() == [CLASSES.index(item.id.split("/")[0]) for item in frames["target"].items]


def test_items_that_failed_are_left_out_with_a_warning(
    tmp_path: Path, data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The manifest contains one more video than the shards."""
    shutil.copytree(data / "target", tmp_path / "target")
    with caplog.at_level(logging.WARNING):
        ClipDataset(tmp_path / "target", "flow")
    assert caplog.messages == []
    items = make_items(".mp4")
    manifest = tmp_path / "target" / "manifest.csv"
    write_items(manifest, [replace(items[0], id="walk/broken.mp4"), *items])
    with caplog.at_level(logging.WARNING):
        dataset = ClipDataset(tmp_path / "target", "flow")
    assert [item.id for item in dataset.items] == [item.id for item in items]
    assert caplog.messages == [f"{tmp_path / 'target'}: 1 items failed in preprocessing: walk/broken.mp4"]
    write_items(manifest, [replace(items[0], id="walk/broken.mp4")])
    with pytest.raises(UserError, match=r"target: no item of manifest\.csv has frames and flow\Z"):
        ClipDataset(tmp_path / "target", "flow")
    with pytest.raises(UserError, match=r"target: no item of manifest\.csv has frames\Z"):
        ClipDataset(tmp_path / "target", "rgb")


def test_a_missing_dataset_and_flow_of_other_frames_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none/manifest\.csv: cannot be read"):
        ClipDataset(tmp_path / "none", "rgb")
    write_frames(tmp_path, make_items(".mp4"), seed=1)
    write_flow(tmp_path, 4.0)
    ClipDataset(tmp_path, "flow")
    write_frames(tmp_path, make_items(".mp4"), seed=2)
    with pytest.raises(UserError, match=r"flow/0000\.h5: computed from other frames than those in .*frames: run the "):
        ClipDataset(tmp_path, "flow")
    ClipDataset(tmp_path, "rgb")
    shutil.rmtree(tmp_path / "items")
    with pytest.raises(UserError, match=r"items: no item tables: run the manifest stage"):
        ClipDataset(tmp_path, "rgb")


@pytest.fixture
def photographs(tmp_path: Path) -> Photographs:
    """Photographs, gradients of different shades, larger than the target's frames; there is neither depth nor video."""
    root = tmp_path / "photos"
    root.mkdir()
    items = []
    for number, item in enumerate(make_items(".jpg")):
        picture = np.zeros((2 * HEIGHT, 2 * WIDTH, 3), np.uint8)
        picture[..., 0] = np.linspace(0, 250, 2 * WIDTH)
        picture[..., 1] = np.linspace(0, 250, 2 * HEIGHT)[:, None]
        picture[..., 2] = 60 * number
        (root / f"{number}.jpg").write_bytes(encode_jpeg(picture, 100))
        items.append(replace(item, path=str(root / f"{number}.jpg")))
    write_items(root / "manifest.csv", items)
    return Photographs(root, {"short_side": HEIGHT, "aspect": "keep"})


def test_photographs_are_cropped_like_the_videos_generated_from_them(photographs: Photographs) -> None:
    """A photograph is resized like the generated frames and cropped by the window of its video in the same epoch."""
    clips = PhotographClips(photographs, SIDE, KEY)
    assert len(clips) == 4
    flips = []
    for index, item in enumerate(photographs.items):
        window, _ = windows_of(SOURCE, index)
        small = cv2.resize(cv2.imread(item.path)[..., ::-1], (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        rows, columns = window.area(HEIGHT, WIDTH, SIDE, item.id)
        expected = small[rows, columns].astype(int)
        sample = clips[index]
        assert sample["clip"].shape == (1, SIDE, SIDE, 3)
        assert sample["clip"].dtype == torch.uint8
        difference = sample["clip"][0].int().numpy() - (expected[:, ::-1] if window.flip else expected)
        assert abs(difference).max() <= 2  # two JPEG decoders
        assert int(sample["label"]) == item.label
        flips.append(window.flip)
    assert set(flips) == {True, False}


def test_an_unreadable_or_too_small_photograph_is_reported_in_one_line(photographs: Photographs) -> None:
    with pytest.raises(UserError, match=r"\Atrain\.crop: 64 is larger than the frames of walk/0\.jpg \(48x40\)"):
        PhotographClips(photographs, 64, KEY)[0]
    Path(photographs.items[1].path).write_bytes(b"damaged")
    with pytest.raises(UserError, match=r"\A[^\n]*1\.jpg: not a readable image [^\n]*\Z"):
        PhotographClips(photographs, SIDE, KEY)[1]


def test_a_photograph_is_evaluated_as_one_centre_crop(photographs: Photographs) -> None:
    clips = EvaluationClips(photographs, 1, SIDE)
    assert len(clips) == 4
    assert clips[2]["clip"].shape == (1, SIDE, SIDE, 3)
    assert int(clips[2]["index"]) == 2
    expected = photographs.clip(photographs.items[2].id, np.zeros(1, np.int64), CENTRE, SIDE)
    assert torch.equal(clips[2]["clip"], expected)
    assert photographs.digests().keys() == {"photographs"}
    assert photographs.only({"walk/0.jpg"}).digests() != photographs.digests()


def test_an_epoch_has_one_frame_of_each_segment_of_a_video(frames: dict[str, ClipDataset]) -> None:
    """Of 10 frames in 5 segments, segment k gives frame 2k or 2k + 1, and another epoch gives others."""
    dataset = frames["target"]
    seen = []
    for epoch in (1, 2):
        clips = TargetFrames(dataset, 5, SIDE, (3, epoch))
        assert len(clips) == 20
        chosen = []
        for number in range(len(clips)):
            sample, (video, segment) = clips[number], divmod(number, 5)
            assert int(sample["index"]) == video
            rng = np.random.default_rng([3, epoch, TARGET, number])
            frame = segment_frame(rng, FRAMES, segment, 5)
            assert frame // 2 == segment
            expected = dataset.clip(dataset.items[video].id, np.array([frame]), Window.draw(rng), SIDE)
            assert torch.equal(sample["clip"], expected)
            assert sample["clip"].shape == (1, SIDE, SIDE, 3)
            chosen.append(frame)
        seen.append(chosen)
    assert seen[0] != seen[1]


@pytest.mark.parametrize("count", [1, 3, 5, 7, 100])
def test_segments_of_any_video_give_frames_that_it_has(count: int) -> None:
    rng = np.random.default_rng(0)
    drawn = [{segment_frame(rng, count, segment, 5) for _ in range(200)} for segment in range(5)]
    assert set.union(*drawn) <= set(range(count))
    assert [min(part) for part in drawn] == [segment * count // 5 for segment in range(5)]
    if count >= 5:
        assert set.union(*drawn) == set(range(count))

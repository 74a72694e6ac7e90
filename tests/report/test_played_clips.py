"""Clips that play in the page, and the room that they take."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from tiny_results import COLOURS, HEIGHT, WIDTH

from i2vadapt.layout import Results
from i2vadapt.report.budget import keep_within
from i2vadapt.report.clips import SIZES, make_clips, middle, size_in_page
from i2vadapt.report.mistakes import Choice, Group

GROUPS = [Group("a", tuple(Choice(f"0/{number}.mp4", "") for number in (0, 1))), Group("b", (Choice("1/0.mp4", ""),))]


def test_a_clip_has_the_frames_of_the_video_at_its_speed(results: Results) -> None:
    first, second = make_clips(results.dataset("videos"), GROUPS, 10**6)
    assert [len(first.clips), len(second.clips)] == [2, 1]
    clip = first.clips[0]
    moving = Image.open(io.BytesIO(clip.moving))
    assert (moving.size, moving.format, moving.info["loop"]) == ((WIDTH, HEIGHT), "WEBP", 0)
    assert (clip.width, clip.height) == (WIDTH, HEIGHT)
    times, colours = [], []
    for number in range(moving.n_frames):  # equal frames in a row are one that is shown for longer
        moving.seek(number)
        moving.load()
        times.append(moving.info["duration"])
        colours.append(np.asarray(moving.convert("RGB"))[HEIGHT // 2, WIDTH // 2].astype(int))
    assert sum(times) == 16 * 40  # 16 frames at 25 a second
    np.testing.assert_allclose(colours[0], COLOURS[0], atol=12)
    np.testing.assert_allclose(colours[-1], COLOURS[2], atol=12)
    still = np.asarray(Image.open(io.BytesIO(clip.still)).convert("RGB"))[0, 0].astype(int)
    np.testing.assert_allclose(still, COLOURS[2], atol=12)
    assert make_clips(results.dataset("videos"), GROUPS, 10**6) == [first, second]


def test_less_room_gives_fewer_and_smaller_clips_and_none_in_the_end(results: Results) -> None:
    folder = results.dataset("videos")
    sizes = [sum(size_in_page(clip) for group in make_clips(folder, GROUPS, 10**6) for clip in group.clips)]
    for _ in SIZES:
        found = make_clips(folder, GROUPS, sizes[-1] - 1)
        sizes.append(sum(size_in_page(clip) for group in found for clip in group.clips))
        assert sizes[-1] < sizes[-2]
        if not found:
            return
    pytest.fail("the smallest clips fit into less than they take")


def test_a_video_without_frames_is_left_out(results: Results) -> None:
    groups = [Group("gone", (Choice("gone.mp4", ""),)), GROUPS[1]]
    assert [group.heading for group in make_clips(results.dataset("videos"), groups, 10**6)] == ["b"]
    for shard in results.dataset("videos").shards("frames", 2):
        shard.unlink()
    assert make_clips(results.dataset("videos"), groups, 10**6) == []


@pytest.mark.parametrize(
    ("count", "rate", "numbers", "seconds"),
    [(1, 25, [0], 0.04), (5, 5, [0, 1, 2, 3, 4], 1), (1000, 25, [450, 549], 4), (3, 0.1, [1], 10)],
)
def test_the_middle_of_a_video_is_shown(count: int, rate: float, numbers: list[int], seconds: float) -> None:
    found, length = middle(count, rate)
    assert length == pytest.approx(seconds)
    assert found.tolist() == numbers or [found[0], found[-1], len(found)] == [*numbers, 16]


def test_the_last_picture_of_a_series_is_kept_first() -> None:
    pictures = {"a": bytes(300), "b": bytes(900), "c": bytes(300)}
    assert keep_within(pictures, 2000) == (pictures, [])
    kept, left_out = keep_within(pictures, 800)
    assert (list(kept), left_out) == (["a", "c"], ["b"])
    assert keep_within(pictures, 399) == ({}, ["a", "b", "c"])

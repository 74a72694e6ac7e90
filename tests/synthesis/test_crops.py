from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from i2vadapt.config.preprocessing import CropSettings
from i2vadapt.data.image import resize, size_with_short_side
from i2vadapt.synthesis.crops import WHOLE, Box, Region, crop_clip, draw_path, object_box, random_box, to_pixels

SHARES = st.floats(0, 1)
TOLERANCE = 1e-9


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    width, height = draw(st.floats(0.01, 1)), draw(st.floats(0.01, 1))
    return Box(draw(SHARES) * (1 - width), draw(SHARES) * (1 - height), width, height)


crop_settings = st.builds(
    CropSettings,
    frames=st.integers(3, 40),
    short_side=st.integers(16, 40),
    aspect=st.sampled_from(["keep", "square"]),
    placement=st.sampled_from(["start", "middle"]),
    path=st.sampled_from(["independent", "smooth"]),
    smallest_side=st.floats(0.05, 1),
)


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


@given(boxes(), crop_settings, st.integers(0, 9))
def test_regions_are_inside_the_photograph_and_of_allowed_sides(box: Box, chosen: CropSettings, seed: int) -> None:
    path = draw_path(box, chosen, np.random.default_rng(seed))
    assert len(path) == chosen.frames
    smallest = max(box.width, box.height, chosen.smallest_side)
    for x, y, side in path:
        assert smallest - TOLERANCE <= side <= 1 + TOLERANCE
        for centre in (x, y):
            assert side / 2 - TOLERANCE <= centre <= 1 - side / 2 + TOLERANCE


@given(boxes(), crop_settings, st.integers(0, 9))
def test_the_whole_photograph_and_the_object_have_their_places(box: Box, chosen: CropSettings, seed: int) -> None:
    path = draw_path(box, chosen, np.random.default_rng(seed))
    whole = 0 if chosen.placement == "start" else chosen.frames // 2
    assert path[whole] == pytest.approx((0.5, 0.5, 1.0))
    for region in [path[-1]] if chosen.placement == "start" else [path[0], path[-1]]:
        assert region.side == pytest.approx(max(box.width, box.height, chosen.smallest_side))
        assert region.x - region.side / 2 <= box.left + TOLERANCE
        assert region.x + region.side / 2 >= box.left + box.width - TOLERANCE
        assert region.y - region.side / 2 <= box.top + TOLERANCE
        assert region.y + region.side / 2 >= box.top + box.height - TOLERANCE


@given(boxes(), crop_settings.filter(lambda chosen: chosen.path == "independent"), st.integers(0, 9))
def test_every_random_region_shows_a_part_of_the_object(box: Box, chosen: CropSettings, seed: int) -> None:
    for x, y, side in draw_path(box, chosen, np.random.default_rng(seed)):
        assert x - side / 2 <= box.left + box.width + TOLERANCE
        assert x + side / 2 >= box.left - TOLERANCE
        assert y - side / 2 <= box.top + box.height + TOLERANCE
        assert y + side / 2 >= box.top - TOLERANCE


@settings(max_examples=50, deadline=None)
@given(st.integers(16, 90), st.integers(16, 90), boxes(), crop_settings, st.integers(0, 9))
def test_frames_are_crops_of_one_size_and_repeat_with_the_seed(
    height: int, width: int, box: Box, chosen: CropSettings, seed: int
) -> None:
    image = noise(height, width)
    frames, crops = crop_clip(image, box, chosen, np.random.default_rng(seed))
    size = size_with_short_side(height, width, chosen.short_side, chosen.aspect)
    assert frames.shape == (chosen.frames, *size, 3)
    assert frames.dtype == np.uint8
    for frame, (left, top, columns, rows) in zip(frames, crops, strict=True):
        assert 0 <= left < left + columns <= width
        assert 0 <= top < top + rows <= height
        assert abs(columns / width - rows / height) <= 0.5 / width + 0.5 / height + TOLERANCE
        np.testing.assert_array_equal(frame, resize(image[top : top + rows, left : left + columns], *size))
    whole = 0 if chosen.placement == "start" else chosen.frames // 2
    np.testing.assert_array_equal(frames[whole], resize(image, *size))
    again, same = crop_clip(image, box, chosen, np.random.default_rng(seed))
    np.testing.assert_array_equal(frames, again)
    assert crops == same


def test_independent_regions_are_uniform() -> None:
    box = Box(0.45, 0.48, 0.1, 0.04)
    path = draw_path(box, CropSettings(frames=256, smallest_side=0.2), np.random.default_rng(0))
    side = np.array([region.side for region in path[1:-1]])
    np.testing.assert_allclose(np.quantile(side, (0.25, 0.5, 0.75)), (0.4, 0.6, 0.8), atol=0.07)
    # Regions of up to 0.9 need not be moved inside, so they keep their centres.
    x, y = np.array([region[:2] for region in path[1:-1] if region.side <= 0.9]).T
    np.testing.assert_allclose(np.quantile(x, (0.25, 0.75)), (0.475, 0.525), atol=0.015)
    np.testing.assert_allclose(np.quantile(y, (0.25, 0.75)), (0.49, 0.51), atol=0.006)


@pytest.mark.parametrize(("placement", "legs"), [("start", (0, 5, 10, 15)), ("middle", (0, 4, 8, 12, 16))])
def test_a_smooth_path_goes_straight_through_two_regions(placement: str, legs: tuple[int, ...]) -> None:
    chosen = CropSettings(frames=legs[-1] + 1, path="smooth", placement=placement)
    path = np.array(draw_path(Box(0.6, 0.1, 0.2, 0.3), chosen, np.random.default_rng(3)))
    path[:, 2] = np.log(path[:, 2])
    steps = np.diff(path, axis=0)
    for start, end in itertools.pairwise(legs):
        np.testing.assert_allclose(steps[start:end], np.broadcast_to(steps[start], (end - start, 3)), atol=1e-12)
    turns = np.abs(np.diff(steps, axis=0)).max(axis=1)
    assert (np.flatnonzero(turns > 1e-9) + 1).tolist() == list(legs[1:-1])


def test_with_the_whole_photograph_as_its_object_a_clip_stands_still() -> None:
    assert set(draw_path(WHOLE, CropSettings(), np.random.default_rng(0))) == {Region(0.5, 0.5, 1.0)}


def test_the_object_is_the_largest_part_above_the_threshold() -> None:
    attention = np.zeros((60, 80), np.float32)
    attention[5:10, 5:10] = 10  # the maximum, but smaller
    attention[20:40, 30:70] = 1.6
    attention[50:60, :] = 1.4  # below 15 % of the maximum
    assert object_box(attention, 60, 80, CropSettings()) == pytest.approx((30 / 80, 20 / 60, 40 / 80, 20 / 60))
    assert object_box(attention, 60, 80, CropSettings(threshold=0.5)) == pytest.approx((5 / 80, 5 / 60, 5 / 80, 5 / 60))
    assert object_box(np.zeros((2, 3), np.float32), 60, 80, CropSettings()) == WHOLE


def test_a_coarse_map_is_enlarged_linearly() -> None:
    attention = np.zeros((8, 8), np.float32)
    attention[3, 5] = 1
    # Between cells of 32 pixels the value falls linearly, to 15 % at 0.85 of the way.
    centre_x, centre_y, reach = 5.5 * 32, 3.5 * 32, 0.85 * 32
    left, top, width, height = object_box(attention, 256, 256, CropSettings())
    assert (left + width / 2) * 256 == pytest.approx(centre_x, abs=1)
    assert (top + height / 2) * 256 == pytest.approx(centre_y, abs=1)
    assert width * 256 == pytest.approx(2 * reach, abs=2)
    assert height * 256 == pytest.approx(2 * reach, abs=2)


@given(st.integers(0, 1000), st.floats(0.4, 1))
def test_an_object_is_not_larger_than_wanted_and_holds_the_maximum(seed: int, largest: float) -> None:
    """Coarse random maps on a high base, of which 15 % of the maximum would be everything."""
    attention = np.random.default_rng(seed).uniform(0.5, 1, (5, 7)).astype(np.float32)
    settings = CropSettings(largest_object=largest)
    box = object_box(attention, 160, 224, settings)
    assert max(box.width, box.height) <= largest
    assert object_box(attention, 160, 224, CropSettings(largest_object=1)) == WHOLE


@given(st.integers(0, 1000), st.floats(0.05, 1))
def test_random_boxes_are_inside_and_large_enough(seed: int, smallest: float) -> None:
    left, top, width, height = random_box(np.random.default_rng(seed), smallest)
    assert min(width, height) >= smallest
    assert min(left, top) >= 0
    assert max(left + width, top + height) <= 1 + TOLERANCE


@given(boxes(), st.integers(16, 5000), st.integers(16, 5000))
def test_pixels_are_inside_and_within_half_a_pixel_of_the_size(box: Box, height: int, width: int) -> None:
    left, top, columns, rows = to_pixels(box, height, width)
    assert 0 <= left < left + columns <= width
    assert 0 <= top < top + rows <= height
    assert abs(columns - box.width * width) <= max(0.5 + TOLERANCE * width, 1 - box.width * width)
    assert abs(rows - box.height * height) <= max(0.5 + TOLERANCE * height, 1 - box.height * height)


def test_large_photographs_are_shrunk_without_aliasing() -> None:
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, ::2] = 255
    frames, _ = crop_clip(stripes, WHOLE, CropSettings(short_side=32), np.random.default_rng(0))
    np.testing.assert_array_equal(frames[0], cv2.resize(stripes, (32, 32), interpolation=cv2.INTER_AREA))
    assert np.ptp(frames) <= 1

"""Generating a video from a photograph by 2D crops around its object, as in ST-I2V (Zhuo et al. 2023).

Places and lengths are shares of the photograph's width and height. A crop has the same share of both, so it has the
photograph's aspect ratio, and all frames of a video show their content in the same proportions.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from i2vadapt.config.preprocessing import CropSettings
from i2vadapt.data.image import resize, size_with_short_side


class Box(NamedTuple):
    """A box in a photograph, in shares of its width and height."""

    left: float
    top: float
    width: float
    height: float


class Region(NamedTuple):
    """What a frame shows: a crop by its centre and its side, in shares of the photograph's width and height."""

    x: float
    y: float
    side: float


WHOLE = Box(0.0, 0.0, 1.0, 1.0)
_ALL = Region(0.5, 0.5, 1.0)
_THRESHOLDS = 18


def object_box(attention: np.ndarray, height: int, width: int, settings: CropSettings) -> Box:
    """Finds the object in a map: the bounding box of the largest connected part that reaches a threshold.

    The maps of a network of single frames are coarse (a cell is 32 pixels wide), so with the usual threshold of 15 %
    (Selvaraju et al. 2017) an object often takes nearly the whole photograph, and a video of crops would stand still.
    The threshold is therefore raised until the box is small enough.

    Args:
        attention: map (h,w) of at least 0, enlarged linearly to the size of the photograph.
        height: height of the photograph as the classifier saw it, pixels.
        width: its width, pixels.
        settings: lowest threshold and largest object.

    Returns:
        The box, or the whole photograph if the map is 0 everywhere.
    """
    enlarged = resize(attention.astype(np.float32, copy=False), height, width)
    if not enlarged.max() > 0:
        return WHOLE
    shares = enlarged / enlarged.max()
    boxes = (_largest_part(shares >= threshold) for threshold in np.linspace(settings.threshold, 1, _THRESHOLDS))
    smallest = WHOLE
    for smallest in boxes:
        if max(smallest.width, smallest.height) <= settings.largest_object:
            break
    return smallest


def _largest_part(mask: np.ndarray) -> Box:
    """Bounding box of the largest connected part of a mask (h,w)."""
    _, _, statistics, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    largest = 1 + int(statistics[1:, cv2.CC_STAT_AREA].argmax())  # part 0 is what lies outside
    left, top, columns, rows, _ = (int(value) for value in statistics[largest])
    height, width = mask.shape
    return Box(left / width, top / height, columns / width, rows / height)


def random_box(rng: np.random.Generator, smallest_side: float) -> Box:
    """Draws a box inside the photograph; its sides are uniform between `smallest_side` and 1, its place uniform."""
    width, height = rng.uniform(smallest_side, 1, 2)
    return Box(rng.uniform(0, 1 - width), rng.uniform(0, 1 - height), width, height)


def draw_path(box: Box, settings: CropSettings, rng: np.random.Generator) -> list[Region]:
    """Draws what each frame shows.

    Two or three frames are given: the whole photograph comes first (placement `start`) or in the middle, the region
    of the object last and, with placement `middle`, first too. The frames between are random regions: the centre is
    uniform in the object's box, the side uniform between that of the object's region and the photograph's.

    Args:
        box: box of the object.
        settings: settings of the frames and of the path.
        rng: random generator.

    Returns:
        T regions, all inside the photograph.
    """
    last, smallest = settings.frames - 1, max(box.width, box.height, settings.smallest_side)
    near = _moved_inside(box.left + box.width / 2, box.top + box.height / 2, smallest)
    middle = settings.frames // 2
    given: dict[float, Region] = {0: _ALL} if settings.placement == "start" else {0: near, middle: _ALL}
    given[last] = near
    if settings.path == "independent":
        return [given.get(frame) or _draw_region(box, smallest, rng) for frame in range(settings.frames)]
    between = (last / 3, 2 * last / 3) if settings.placement == "start" else (middle / 2, (middle + last) / 2)
    return _smooth({**given, **{place: _draw_region(box, smallest, rng) for place in between}}, settings.frames)


def _draw_region(box: Box, smallest: float, rng: np.random.Generator) -> Region:
    x, y, side = rng.uniform((box.left, box.top, smallest), (box.left + box.width, box.top + box.height, 1))
    return _moved_inside(x, y, side)


def _moved_inside(x: float, y: float, side: float) -> Region:
    x, y = np.clip((x, y), side / 2, 1 - side / 2)
    return Region(float(x), float(y), float(side))


def _smooth(passed: dict[float, Region], frames: int) -> list[Region]:
    """Goes through regions at given frames, linearly in the centre and the logarithm of the side.

    Between regions inside the photograph it stays inside: the interpolated side is at most the one that is linear in
    time, with which the edges would move linearly from one region to the next.
    """
    places = sorted(passed)
    x, y, side = np.array([passed[place] for place in places]).T
    at = np.arange(frames)
    path = np.interp(at, places, x), np.interp(at, places, y), np.exp(np.interp(at, places, np.log(side)))
    return [Region(*map(float, values)) for values in zip(*path, strict=True)]


def to_pixels(box: Box, height: int, width: int) -> tuple[int, int, int, int]:
    """Left, top, width and height of a box in a photograph of the given size; at least one pixel, and inside it."""
    columns, rows = (
        min(max(round(share * size), 1), size) for share, size in ((box.width, width), (box.height, height))
    )
    left = min(max(round(box.left * width), 0), width - columns)
    top = min(max(round(box.top * height), 0), height - rows)
    return left, top, columns, rows


def crop_clip(
    image: np.ndarray, box: Box, settings: CropSettings, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], list[tuple[int, int, int, int]]]:
    """Generates a video from a photograph by crops around its object.

    Args:
        image: photograph (H,W,3) uint8.
        box: box of the object.
        settings: settings of the frames and of the path.
        rng: random generator of the path.

    Returns:
        Frames (T,H',W',3) uint8, and left, top, width and height of the T crops, pixels of the photograph.
    """
    height, width = image.shape[:2]
    size = size_with_short_side(height, width, settings.short_side, settings.aspect)
    boxes = [
        to_pixels(Box(x - side / 2, y - side / 2, side, side), height, width)
        for x, y, side in draw_path(box, settings, rng)
    ]
    crops = (image[top : top + rows, left : left + columns] for left, top, columns, rows in boxes)
    return np.stack([resize(crop, *size) for crop in crops]), boxes

"""Flow of plain image and video files, outside the workflow."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np

from i2vadapt.config.preprocessing import FlowSettings
from i2vadapt.data.image import read_image, resize
from i2vadapt.data.presentation import shown_width
from i2vadapt.data.video import VideoStream, write_video
from i2vadapt.errors import UserError
from i2vadapt.flow.colour import flow_to_colour
from i2vadapt.flow.flo import write_flo
from i2vadapt.flow.pairs import flow_of_frames

_logger = logging.getLogger(__name__)

SAMPLED_PAIRS = 64  # of a video, and
SAMPLED_SPEEDS = 1 << 16  # of each pair, to choose the scale of the colours by


def flow_of_images(first: Path, second: Path, out: Path, settings: FlowSettings) -> None:
    """Writes the flow from one image to another as a .flo file.

    Raises:
        UserError: if an image can't be read, the sizes differ, or `out` is not a .flo file.
    """
    if out.suffix != ".flo":
        raise UserError(f"flow: --out: {out}: must end in .flo for two images")
    images = [read_image(first), read_image(second)]
    if images[0].shape != images[1].shape:
        sizes = [f"{image.shape[1]}x{image.shape[0]}" for image in images]
        raise UserError(f"flow: {first} is {sizes[0]} and {second} is {sizes[1]}: the sizes must be equal")
    write_flo(out, flow_of_frames(np.stack(images), settings)[0])


def flow_of_video(video: Path, out: Path, settings: FlowSettings) -> None:
    """Writes the flow of a video as a colour-coded video (hue is direction, saturation is speed).

    Memory holds two frames at a time. The fastest colour stands for the 0.99 quantile of the speeds in up to 64 pairs
    of frames, spread over the video.

    Raises:
        UserError: if the video can't be read or has fewer than two frames.
    """
    stream = VideoStream(video)
    count = stream.count()
    if count < 2:
        raise UserError(f"{video}: {count} frame, at least 2 are needed for flow")
    if stream.warning:
        _logger.warning("%s: %s", video, stream.warning)
    starts = np.unique(np.arange(SAMPLED_PAIRS) * (count - 1) // SAMPLED_PAIRS)
    speeds = [_sampled_speeds(pair, settings) for pair in _pairs(stream, set(starts.tolist()))]
    largest = max(float(np.quantile(np.concatenate(speeds), 0.99)), 1.0)
    fields = (flow_of_frames(pair, settings)[0] for pair in _pairs(stream, None))
    write_video(out, (flow_to_colour(field, largest) for field in fields), stream.fps)


def _sampled_speeds(pair: np.ndarray, settings: FlowSettings) -> np.ndarray:
    speeds = np.linalg.norm(flow_of_frames(pair, settings)[0], axis=-1).ravel()
    return speeds[:: -(-speeds.size // SAMPLED_SPEEDS)]


def _pairs(stream: VideoStream, starts: Collection[int] | None) -> Iterator[np.ndarray]:
    """Yields pairs of consecutive frames (2,H,W,3) as a player shows them; those that start at some frames, or all."""
    wanted = None if starts is None else {number for start in starts for number in (start, start + 1)}
    before: np.ndarray | None = None
    for number, frame in stream.pick(wanted):
        shown = resize(frame, frame.shape[0], round(shown_width(frame.shape[1], stream.aspect)))
        if before is not None and (starts is None or number - 1 in starts):
            yield np.stack([before, shown])
        before = shown

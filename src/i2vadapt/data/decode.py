"""Stage *decode*: turns target videos into shards of frames."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from i2vadapt import stages
from i2vadapt.config.preprocessing import DecodeSettings
from i2vadapt.data.exposure import brighten, find_gain
from i2vadapt.data.failures import failure
from i2vadapt.data.image import resize, size_with_short_side
from i2vadapt.data.items import Item, check_unchanged, digest_items
from i2vadapt.data.presentation import shown_width
from i2vadapt.data.shards.build import build_shard, make_provenance
from i2vadapt.data.shards.codec import LONGEST_SIDE, encode_frame
from i2vadapt.data.shards.format import Encoded, Failed
from i2vadapt.data.shards.stored import FrameWriter
from i2vadapt.data.video import VideoStream
from i2vadapt.errors import UserError
from i2vadapt.layout import partial_folder
from i2vadapt.runtime.parallel import ordered_map

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Video:
    """A unit of work: one video to decode.

    Attributes:
        item: the video.
        settings: settings of the stage.
        folder: folder for its encoded frames.
    """

    item: Item
    settings: DecodeSettings
    folder: Path

    @property
    def id(self) -> str:
        """The item's id."""
        return self.item.id


def prepare_frames(
    stream: VideoStream, settings: DecodeSettings, wanted: Collection[int] | None = None
) -> Iterator[tuple[int, np.ndarray]]:
    """Yields the wanted frames of a video with their numbers, (H,W,3) uint8, at the configured size and brightness.

    With the aspect "keep" frames have the shape that a player shows, also where pixels are not square. An automatic
    gain decodes the video twice, because holding all frames of a long video would take gigabytes.

    Args:
        stream: the video.
        settings: settings of the stage.
        wanted: numbers of frames; None stands for all.

    Raises:
        UserError: for the same reasons as iterating over the stream; if frames would be too long.
    """
    gain = find_gain(stream, settings.gain)
    for number, frame in stream.pick(wanted):
        height, width = frame.shape[:2]
        shown = shown_width(width, stream.aspect)
        size = size_with_short_side(height, shown, settings.short_side, settings.aspect)
        if max(size) > LONGEST_SIDE:
            raise UserError(
                f"{stream.path}: is shown at {shown:.0f}x{height} pixels, so its frames would have {size[1]}x{size[0]};"
                f" at most {LONGEST_SIDE} are possible"
            )
        yield number, brighten(resize(frame, *size), gain)


def decode(video: Video) -> Encoded | Failed:
    """Decodes a video from its first frame to its last and encodes each frame at the configured size.

    The number of frames is counted while decoding, and the frame rate is (frames - 1) / (last time - first time);
    the header is not trusted for either. Memory holds one frame at a time.

    Returns:
        The encoded frames in a file in the video's folder, or the reason why there are none, whatever exception the
        video caused.

    Raises:
        UserError: if the video has changed since the manifest was made.
        OSError: if the frames can't be written.
    """
    item = video.item
    stream = VideoStream(item.path)
    writer = FrameWriter(video.folder)
    try:
        found = _encode_frames(video, stream, writer)
        if not isinstance(found, Failed):
            check_unchanged(item)
    except BaseException:
        writer.discard()
        raise
    if isinstance(found, Failed):
        writer.discard()
        return found
    if stream.warning:
        _logger.warning("%s: %s", item.path, stream.warning)
    return Encoded(item.id, item.label, writer.finish(), found)


def _encode_frames(video: Video, stream: VideoStream, writer: FrameWriter) -> dict[str, Any] | Failed:
    """Encodes all frames and returns the information about the item, or its failure."""
    settings = video.settings
    frames = prepare_frames(stream, settings)
    height = width = 0
    while True:
        try:
            _, frame = next(frames, (0, None))
            if frame is None:
                break
            data = encode_frame(frame, settings.codec, settings.quality)
        except Exception as error:  # of any library: it is this video's fault, unlike one in writing
            return failure(video.id, error, video.item.path)
        height, width = frame.shape[:2]
        writer.add(data)
    if len(writer) < settings.min_frames:
        return Failed(video.id, f"too short: {len(writer)} frames decode, at least {settings.min_frames} are needed")
    return {"height": height, "width": width, "fps": stream.fps, "warning": stream.warning}


def run_decode(
    items: Sequence[Item], out: Path, settings: DecodeSettings, workers: int, max_failed_share: float
) -> None:
    """Builds one shard of decoded frames."""
    build_shard(
        out,
        "frames",
        [Video(item, settings, partial_folder(out)) for item in items],
        lambda videos: ordered_map(decode, videos, workers),
        make_provenance(
            "decode", stages.DECODE.version, settings.model_dump(mode="json"), {"items": digest_items(items)}
        ),
        max_failed_share,
        unit="video",
    )

"""Stage *decode*: turns target videos into shards of frames."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from i2vadapt import stages
from i2vadapt.config.preprocessing import DecodeSettings
from i2vadapt.data.exposure import brighten, find_gain
from i2vadapt.data.image import resize, size_with_short_side
from i2vadapt.data.items import Item, digest_items
from i2vadapt.data.manifest import check_unchanged
from i2vadapt.data.shards.build import build_shard, make_provenance
from i2vadapt.data.shards.codec import encode_frame
from i2vadapt.data.shards.format import Encoded, Failed
from i2vadapt.data.video import VideoStream
from i2vadapt.errors import UserError
from i2vadapt.runtime.parallel import ordered_map

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Video:
    """A unit of work: one video to decode."""

    item: Item
    settings: DecodeSettings

    @property
    def id(self) -> str:
        """The item's id."""
        return self.item.id


def prepare_frames(stream: VideoStream, settings: DecodeSettings) -> Iterator[np.ndarray]:
    """Yields the frames of a video, (H,W,3) uint8, at the configured size and brightness.

    An automatic gain decodes the video twice, because holding all frames of a long video would take gigabytes.

    Raises:
        UserError: for the same reasons as iterating over the stream.
    """
    gain = find_gain(stream, settings.gain)
    for frame in stream:
        size = size_with_short_side(frame.shape[0], frame.shape[1], settings.short_side, settings.aspect)
        yield brighten(resize(frame, *size), gain)


def decode(video: Video) -> Encoded | Failed:
    """Decodes a video from its first frame to its last and encodes each frame at the configured size.

    The number of frames is counted while decoding, and the frame rate is (frames - 1) / (last time - first time);
    the header is not trusted for either.
    """
    item, settings = video.item, video.settings
    data: list[bytes] = []
    stream = VideoStream(item.path)
    height = width = 0
    try:
        for frame in prepare_frames(stream, settings):
            height, width = frame.shape[:2]
            data.append(encode_frame(frame, settings.codec, settings.quality))
    except UserError as error:
        return Failed(item.id, str(error))
    check_unchanged(item)
    if len(data) < settings.min_frames:
        return Failed(item.id, f"too short: {len(data)} frames decode, at least {settings.min_frames} are needed")
    if stream.warning:
        _logger.warning("%s: %s", item.path, stream.warning)
    info = {"height": height, "width": width, "fps": stream.fps, "warning": stream.warning}
    return Encoded(item.id, item.label, data, info)


def run_decode(
    items: Sequence[Item], out: Path, settings: DecodeSettings, workers: int, max_failed_share: float
) -> None:
    """Builds one shard of decoded frames."""
    build_shard(
        out,
        "frames",
        [Video(item, settings) for item in items],
        lambda videos: ordered_map(decode, videos, workers),
        make_provenance(
            "decode", stages.DECODE.version, settings.model_dump(mode="json"), {"items": digest_items(items)}
        ),
        max_failed_share,
        unit="video",
    )

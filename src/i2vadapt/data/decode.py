"""Stage *decode*: target videos to shards of frames."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from i2vadapt import versions
from i2vadapt.config import DecodeSettings
from i2vadapt.data.image import resize, size_with_short_side
from i2vadapt.data.items import Item, digest_items
from i2vadapt.data.parallel import ordered_map
from i2vadapt.data.shard_build import build_shard, make_provenance
from i2vadapt.data.shards import Encoded, Failed, encode_frame
from i2vadapt.data.video import VideoStream
from i2vadapt.errors import UserError

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Video:
    """A unit of work."""

    item: Item
    settings: DecodeSettings

    @property
    def id(self) -> str:
        """The item's id."""
        return self.item.id


def decode(video: Video) -> Encoded | Failed:
    """Decodes a video from its first frame to its last and encodes each frame at the configured size.

    The number of frames is what decodes, the rate (frames - 1) / (last time - first time), never what the header says.
    """
    item, settings = video.item, video.settings
    data: list[bytes] = []
    try:
        stream = VideoStream(item.path)
        height = width = 0
        for frame in stream:
            height, width = size_with_short_side(frame.shape[0], frame.shape[1], settings.short_side, settings.aspect)
            data.append(encode_frame(resize(frame, height, width), settings.codec, settings.quality))
    except UserError as error:
        return Failed(item.id, str(error))
    if len(data) < settings.min_frames:
        return Failed(item.id, f"too short: {len(data)} frames decode, at least {settings.min_frames} are needed")
    if stream.warning:
        _logger.warning("%s: %s", item.path, stream.warning)
    info = {"height": height, "width": width, "fps": stream.fps, "warning": stream.warning}
    return Encoded(item.id, item.label, data, info)


def run_decode(
    items: Sequence[Item], out: Path, settings: DecodeSettings, workers: int, max_failed_share: float
) -> None:
    """Makes one shard of decoded frames."""
    build_shard(
        out,
        "frames",
        [Video(item, settings) for item in items],
        lambda videos: ordered_map(decode, videos, workers),
        make_provenance("decode", versions.DECODE, settings.model_dump(mode="json"), {"items": digest_items(items)}),
        max_failed_share,
        unit="video",
    )

"""Stage *flow*: of every consecutive pair of frames, by TV-L1 or, of generated videos, by their geometry; in 8 bits."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from i2vadapt import stages
from i2vadapt.config.preprocessing import FlowSettings
from i2vadapt.data.flow_codec import encode_flow, quantise
from i2vadapt.data.shards.build import BATCH_ITEMS, build_shard, make_provenance
from i2vadapt.data.shards.format import Encoded, Failed
from i2vadapt.data.shards.reader import ShardReader
from i2vadapt.errors import UserError
from i2vadapt.flow.geometric import exact_flow, is_generated, open_depth
from i2vadapt.flow.tvl1 import resolve_backend, to_grey, tvl1
from i2vadapt.runtime.devices import visible_devices
from i2vadapt.runtime.parallel import map_over_devices, ordered_map, prefetch

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Clip:
    """A unit of work: an item of a shard of frames."""

    id: str
    frames: ShardReader
    settings: FlowSettings
    depth: ShardReader | None = None  # for exact flow


def flow_of_frames(frames: np.ndarray, settings: FlowSettings) -> np.ndarray:
    """Flow of every consecutive pair.

    Args:
        frames: (T,H,W,3) uint8 RGB, T at least 2.
        settings: backend and TV-L1 settings.

    Returns:
        (T-1,H,W,2) float32 pixels a frame.
    """
    grey = to_grey(frames)
    return tvl1(grey[:-1], grey[1:], backend=settings.backend, **settings.tvl1.model_dump())


@dataclass
class Shares:
    """Seconds of all workers together that went into each part."""

    decode: float = 0.0
    flow: float = 0.0
    encode: float = 0.0

    def add(self, other: Shares) -> None:
        """Adds the seconds of an item."""
        self.decode += other.decode
        self.flow += other.flow
        self.encode += other.encode

    def __str__(self) -> str:
        total = max(self.decode + self.flow + self.encode, 1e-9)
        parts = {"reading": self.decode, "flow": self.flow, "encoding": self.encode}
        return ", ".join(f"{name} {seconds / total:.0%}" for name, seconds in parts.items())


Result = tuple[Encoded | Failed, Shares]


@dataclass(frozen=True)
class Part:
    """Frames or flow of a clip, or why there are none, and the seconds that went into it so far."""

    clip: Clip
    made: np.ndarray | Failed
    seconds: Shares


def _read(clip: Clip) -> Part:
    """(T,H,W,3) uint8 frames."""
    started = time.perf_counter()
    item = clip.frames.index(clip.id)
    try:
        if clip.frames.counts[item] < 2:
            raise UserError(f"{clip.frames.counts[item]} frame, at least 2 are needed")
        made: np.ndarray | Failed = clip.frames.frames(item)
    except UserError as error:
        made = Failed(clip.id, str(error))
    return Part(clip, made, Shares(decode=time.perf_counter() - started))


def _compute(part: Part) -> Part:
    """(T-1,H,W,2) float32 flow of frames."""
    if isinstance(part.made, Failed):
        return part
    started = time.perf_counter()
    flow = flow_of_frames(part.made, part.clip.settings)
    return Part(part.clip, flow, replace(part.seconds, flow=time.perf_counter() - started))


def _trace(clip: Clip, depth: ShardReader) -> Part:
    """(T-1,H,W,2) float32 exact flow of a generated clip."""
    started = time.perf_counter()
    flow = exact_flow(clip.frames, depth, clip.id)
    return Part(clip, flow, Shares(flow=time.perf_counter() - started))


def _encode(part: Part) -> Result:
    if isinstance(part.made, Failed):
        return part.made, part.seconds
    started, clip, flow = time.perf_counter(), part.clip, part.made
    item, settings = clip.frames.index(clip.id), clip.settings
    data = [encode_flow(field, settings.bound, settings.quality, settings.codec) for field in flow]
    info = {
        "height": flow.shape[1],
        "width": flow.shape[2],
        "fps": clip.frames.info[item].get("fps"),
        "clipped": round(quantise(flow, settings.bound)[1], 6),
        "mean": round(float(np.linalg.norm(flow, axis=-1).mean()), 4),
    }
    encoded = Encoded(clip.id, int(clip.frames.labels[item]), data, info)
    return encoded, replace(part.seconds, encode=time.perf_counter() - started)


def _whole(clip: Clip) -> Result:
    return _encode(_compute(_read(clip)) if clip.depth is None else _trace(clip, clip.depth))


def _chain(clips: Sequence[Clip]) -> Iterator[Result]:
    return prefetch(map(_encode, prefetch(map(_compute, prefetch(map(_read, clips))))))


def _batch(clips: Sequence[Clip]) -> list[Result]:
    return list(_chain(clips))


def _results(clips: Sequence[Clip], settings: FlowSettings, workers: int) -> Iterator[Result]:
    """Finished clips in order, while others are being read, computed and encoded.

    On processors each worker process takes a clip through all parts. A GPU is fed by one process, with a thread for
    each part and bounded queues between them; several GPUs by one process each, in turns.
    """
    if settings.source == "tvl1" and settings.backend == "torch":
        devices = visible_devices()
        if len(devices) == 1:
            return _chain(clips)
        batches = [clips[start : start + BATCH_ITEMS] for start in range(0, len(clips), BATCH_ITEMS)]
        return itertools.chain.from_iterable(map_over_devices(_batch, batches, devices))
    return ordered_map(_whole, clips, workers)


def run_flow(
    frames: Path,
    out: Path,
    settings: FlowSettings,
    workers: int,
    max_failed_share: float,
    depth: Path | None = None,
) -> None:
    """Makes one shard of flow from one shard of frames; the last line of the log tells the rate and where time went.

    The implementation that "auto" means here is part of the provenance: shards of two machines never mix two of them.

    Args:
        frames: the shard of frames.
        out: the shard to make.
        settings: how; real videos have no other source of flow than TV-L1.
        workers: processes, except on a GPU.
        max_failed_share: share of failed items that is accepted.
        depth: the shard of depth that generated frames were made of; needed with source "geometric".

    Raises:
        UserError: if a shard can't be read or does not fit, or too many items failed.
    """
    reader = ShardReader(frames, "frames")
    found = {"backend": resolve_backend(settings.backend)} | ({} if is_generated(reader) else {"source": "tvl1"})
    settings = settings.model_copy(update=found)
    depth_reader = open_depth(reader, depth) if settings.source == "geometric" else None
    inputs = {"frames": reader.digest} | ({"depth": depth_reader.digest} if depth_reader else {})
    shares, pairs, started = Shares(), 0, time.monotonic()

    def process(clips: Sequence[Clip]) -> Iterator[Encoded | Failed]:
        nonlocal pairs
        for result, seconds in _results(clips, settings, workers):
            shares.add(seconds)
            pairs += len(result.frames) if isinstance(result, Encoded) else 0
            yield result

    build_shard(
        out,
        "flow",
        [Clip(item_id, reader, settings, depth_reader) for item_id in reader.ids],
        process,
        make_provenance("flow", stages.FLOW.version, settings.model_dump(mode="json"), inputs),
        max_failed_share,
        unit="video",
    )
    rate = pairs / max(time.monotonic() - started, 1e-9)
    method = settings.backend if settings.source == "tvl1" else "geometry"
    _logger.info("flow by %s: %d pairs, %.1f pairs/s with %d workers: %s", method, pairs, rate, workers, shares)

"""Stage *flow*: flow of every consecutive pair of frames in 8 bits, by TV-L1 or, for generated videos, exact."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from i2vadapt import stages
from i2vadapt.config.preprocessing import FlowSettings
from i2vadapt.data.failures import failure
from i2vadapt.data.shards.build import BATCH_ITEMS, build_shard, make_provenance, partial_folder
from i2vadapt.data.shards.format import Encoded, Failed
from i2vadapt.data.shards.reader import ShardReader
from i2vadapt.flow.encoding import ClipEncoder
from i2vadapt.flow.geometric import exact_flow, is_generated, open_depth
from i2vadapt.flow.tvl1 import resolve_backend, to_grey, tvl1
from i2vadapt.runtime.devices import visible_devices
from i2vadapt.runtime.parallel import map_over_devices, ordered_map, prefetch

_logger = logging.getLogger(__name__)

PART_PIXELS = 1 << 23
"""Pixels of the pairs that are in memory as one part: 64 MiB of flow. A GPU's batch has as many."""


@dataclass(frozen=True)
class Clip:
    """A unit of work: one item of a shard of frames.

    Attributes:
        id: id of the item.
        frames: shard of frames.
        settings: settings of the stage.
        folder: folder for its encoded flow.
        depth: shard of depth, for exact flow.
    """

    id: str
    frames: ShardReader
    settings: FlowSettings
    folder: Path
    depth: ShardReader | None = None

    @property
    def item(self) -> int:
        """Position of the item in the shard."""
        return self.frames.index(self.id)

    @property
    def count(self) -> int:
        """Number of frames."""
        return int(self.frames.counts[self.item])


def flow_of_frames(frames: np.ndarray, settings: FlowSettings) -> np.ndarray:
    """Flow of every consecutive pair of frames.

    Args:
        frames: (T,H,W,3) uint8 RGB, T at least 2.
        settings: backend and TV-L1 settings.

    Returns:
        (T-1,H,W,2) float32, pixels per frame.
    """
    grey = to_grey(frames)
    return tvl1(grey[:-1], grey[1:], backend=settings.backend, **settings.tvl1.model_dump())


@dataclass
class Seconds:
    """Time spent on each step by all workers together, seconds."""

    decode: float = 0.0
    flow: float = 0.0
    encode: float = 0.0

    def add(self, other: Seconds) -> None:
        """Adds the time spent on an item."""
        self.decode += other.decode
        self.flow += other.flow
        self.encode += other.encode

    def __str__(self) -> str:
        total = max(self.decode + self.flow + self.encode, 1e-9)
        parts = {"reading": self.decode, "flow": self.flow, "encoding": self.encode}
        return ", ".join(f"{name} {seconds / total:.0%}" for name, seconds in parts.items())


Result = tuple[Encoded | Failed, Seconds]


@dataclass(frozen=True)
class Part:
    """Frames or flow of consecutive pairs of a clip, or why there are none, and the time spent on it so far.

    Attributes:
        clip: the clip.
        made: frames (n+1,H,W,3) uint8, or flow (n,H,W,2) float32.
        is_last: whether it is the clip's last part.
        seconds: time spent.
    """

    clip: Clip
    made: np.ndarray | Failed
    is_last: bool
    seconds: Seconds


def _read(clip: Clip) -> Iterator[Part]:
    """Reads the frames of a clip, some pairs at a time, so that a long video is never in memory as a whole."""
    count = clip.count
    if count < 2:
        yield Part(clip, Failed(clip.id, f"{count} frame, at least 2 are needed"), True, Seconds())
        return
    start, pairs = 0, 1
    while start < count - 1:
        started = time.perf_counter()
        try:
            if start == 0:
                pairs = _pairs_at_a_time(clip)
            stop = min(start + pairs, count - 1)
            made: np.ndarray | Failed = clip.frames.frames(clip.item, np.arange(start, stop + 1))
        except Exception as error:
            stop, made = count - 1, failure(clip.id, error)
        yield Part(clip, made, stop == count - 1, Seconds(decode=time.perf_counter() - started))
        start = stop


def _pairs_at_a_time(clip: Clip) -> int:
    height, width = clip.frames.frames(clip.item, [0]).shape[1:3]
    return max(PART_PIXELS // (height * width), 1)


def _compute(read: Part) -> Part:
    """Computes flow from frames."""
    if isinstance(read.made, Failed):
        return read
    started = time.perf_counter()
    try:
        made: np.ndarray | Failed = flow_of_frames(read.made, read.clip.settings)
    except Exception as error:
        made = failure(read.clip.id, error)
    return replace(read, made=made, seconds=replace(read.seconds, flow=time.perf_counter() - started))


def _trace(clip: Clip, depth: ShardReader) -> Part:
    """Computes the exact flow of a generated clip, whose number of frames is a setting and small."""
    started = time.perf_counter()
    try:
        made: np.ndarray | Failed = exact_flow(clip.frames, depth, clip.id)
    except Exception as error:
        made = failure(clip.id, error)
    return Part(clip, made, True, Seconds(flow=time.perf_counter() - started))


def _encode(parts: Iterable[Part]) -> Iterator[Result]:
    """Encodes the parts of one clip after another, and yields each clip when its last part has come."""
    encoder: ClipEncoder | None = None
    seconds, failed = Seconds(), None
    try:
        for part in parts:
            started = time.perf_counter()
            encoder = encoder or ClipEncoder(part.clip.folder, part.clip.settings, part.clip.count - 1)
            failed = failed or _add(encoder, part)
            seconds.add(replace(part.seconds, encode=time.perf_counter() - started))
            if not part.is_last:
                continue
            if failed:
                encoder.discard()
            result = failed or _finished(encoder, part.clip), seconds
            encoder, seconds, failed = None, Seconds(), None
            yield result
    finally:
        if encoder:
            encoder.discard()


def _add(encoder: ClipEncoder, part: Part) -> Failed | None:
    if isinstance(part.made, Failed):
        return part.made
    try:
        encoded = encoder.encode(part.made)
    except Exception as error:
        return failure(part.clip.id, error)
    encoder.write(encoded)  # outside, since a full disk is not the clip's fault
    return None


def _finished(encoder: ClipEncoder, clip: Clip) -> Encoded:
    frames, info = encoder.finish()
    info["fps"] = clip.frames.info[clip.item].get("fps")
    return Encoded(clip.id, int(clip.frames.labels[clip.item]), frames, info)


def _process_clip(clip: Clip) -> Result:
    parts = map(_compute, _read(clip)) if clip.depth is None else iter([_trace(clip, clip.depth)])
    return next(_encode(parts))


def _pipeline(clips: Sequence[Clip]) -> Iterator[Result]:
    read = itertools.chain.from_iterable(map(_read, clips))
    return prefetch(_encode(prefetch(map(_compute, prefetch(read)))))


def _process_batch(clips: Sequence[Clip]) -> list[Result]:
    return list(_pipeline(clips))


def _results(clips: Sequence[Clip], settings: FlowSettings, workers: int) -> Iterator[Result]:
    """Yields finished clips in order, while others are being read, computed and encoded.

    On CPUs each worker process takes a clip through all steps. A GPU is fed by one process, with a thread for each
    step and bounded queues between them; several GPUs are fed by one process each, in turn.
    """
    if settings.source == "tvl1" and settings.backend == "torch":
        devices = visible_devices()
        if len(devices) == 1:
            return _pipeline(clips)
        batches = [clips[start : start + BATCH_ITEMS] for start in range(0, len(clips), BATCH_ITEMS)]
        return itertools.chain.from_iterable(map_over_devices(_process_batch, batches, devices))
    return ordered_map(_process_clip, clips, workers)


def run_flow(
    frames: Path,
    out: Path,
    settings: FlowSettings,
    workers: int,
    max_failed_share: float,
    depth: Path | None = None,
) -> None:
    """Builds one shard of flow from one shard of frames; finally logs the rate and the share of time of each step.

    The backend that "auto" stands for is recorded in the provenance, so that a shard never mixes the results of two.

    Args:
        frames: shard of frames.
        out: shard to write.
        settings: settings of the stage; for real videos the only source of flow is TV-L1.
        workers: number of worker processes; ignored on a GPU.
        max_failed_share: share of failed items above which the stage fails.
        depth: shard of depth that generated frames were made from; needed with source "geometric".

    Raises:
        UserError: if a shard can't be read or does not match the other, or too many items failed.
    """
    reader = ShardReader(frames, "frames")
    found = {"backend": resolve_backend(settings.backend)} | ({} if is_generated(reader) else {"source": "tvl1"})
    settings = settings.model_copy(update=found)
    depth_reader = open_depth(reader, depth) if settings.source == "geometric" else None
    inputs = {"frames": reader.digest} | ({"depth": depth_reader.digest} if depth_reader else {})
    spent, pairs, started = Seconds(), 0, time.monotonic()

    def process(clips: Sequence[Clip]) -> Iterator[Encoded | Failed]:
        nonlocal pairs
        for result, seconds in _results(clips, settings, workers):
            spent.add(seconds)
            pairs += len(result.frames) if isinstance(result, Encoded) else 0
            yield result

    build_shard(
        out,
        "flow",
        [Clip(item_id, reader, settings, partial_folder(out), depth_reader) for item_id in reader.ids],
        process,
        make_provenance("flow", stages.FLOW.version, settings.model_dump(mode="json"), inputs),
        max_failed_share,
        unit="video",
    )
    rate = pairs / max(time.monotonic() - started, 1e-9)
    method = settings.backend if settings.source == "tvl1" else "geometry"
    _logger.info("flow by %s: %d pairs, %.1f pairs/s, %d workers; time: %s", method, pairs, rate, workers, spent)

"""Stage *flow*: flow of every consecutive pair of frames in 8 bits, by TV-L1 or, for generated videos, exact."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from i2vadapt import stages
from i2vadapt.config.preprocessing import FlowSettings
from i2vadapt.data.flow_codec import encode_flow, quantise
from i2vadapt.data.shards.build import BATCH_ITEMS, build_shard, make_provenance
from i2vadapt.data.shards.failures import failure
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
    """A unit of work: one item of a shard of frames."""

    id: str
    frames: ShardReader
    settings: FlowSettings
    depth: ShardReader | None = None  # for exact flow


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
class Unfinished:
    """Frames or flow of a clip, or why there are none, and the time spent on it so far."""

    clip: Clip
    made: np.ndarray | Failed
    seconds: Seconds


def _read(clip: Clip) -> Unfinished:
    """Reads frames (T,H,W,3) uint8."""
    return _timed(clip, Seconds(), "decode", lambda: _frames(clip))


def _frames(clip: Clip) -> np.ndarray:
    item = clip.frames.index(clip.id)
    if clip.frames.counts[item] < 2:
        raise UserError(f"{clip.frames.counts[item]} frame, at least 2 are needed")
    return clip.frames.frames(item)


def _compute(read: Unfinished) -> Unfinished:
    """Computes flow (T-1,H,W,2) float32 from frames."""
    frames, clip = read.made, read.clip
    if isinstance(frames, Failed):
        return read
    return _timed(clip, read.seconds, "flow", lambda: flow_of_frames(frames, clip.settings))


def _trace(clip: Clip, depth: ShardReader) -> Unfinished:
    """Computes the exact flow (T-1,H,W,2) float32 of a generated clip."""
    return _timed(clip, Seconds(), "flow", lambda: exact_flow(clip.frames, depth, clip.id))


def _timed(clip: Clip, before: Seconds, step: str, make: Callable[[], np.ndarray]) -> Unfinished:
    """Makes an array in one step of `Seconds`, or the failure of its clip."""
    started = time.perf_counter()
    try:
        made: np.ndarray | Failed = make()
    except Exception as error:
        made = failure(clip.id, error)
    return Unfinished(clip, made, replace(before, **{step: time.perf_counter() - started}))


def _encode(computed: Unfinished) -> Result:
    if isinstance(computed.made, Failed):
        return computed.made, computed.seconds
    started = time.perf_counter()
    try:
        encoded: Encoded | Failed = _encoded(computed.clip, computed.made)
    except Exception as error:
        encoded = failure(computed.clip.id, error)
    return encoded, replace(computed.seconds, encode=time.perf_counter() - started)


def _encoded(clip: Clip, flow: np.ndarray) -> Encoded:
    item, settings = clip.frames.index(clip.id), clip.settings
    data = [encode_flow(field, settings.bound, settings.quality, settings.codec) for field in flow]
    info = {
        "height": flow.shape[1],
        "width": flow.shape[2],
        "fps": clip.frames.info[item].get("fps"),
        "clipped": round(quantise(flow, settings.bound)[1], 6),
        "mean": round(float(np.linalg.norm(flow, axis=-1).mean()), 4),
    }
    return Encoded(clip.id, int(clip.frames.labels[item]), data, info)


def _process_clip(clip: Clip) -> Result:
    return _encode(_compute(_read(clip)) if clip.depth is None else _trace(clip, clip.depth))


def _pipeline(clips: Sequence[Clip]) -> Iterator[Result]:
    return prefetch(map(_encode, prefetch(map(_compute, prefetch(map(_read, clips))))))


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
        [Clip(item_id, reader, settings, depth_reader) for item_id in reader.ids],
        process,
        make_provenance("flow", stages.FLOW.version, settings.model_dump(mode="json"), inputs),
        max_failed_share,
        unit="video",
    )
    rate = pairs / max(time.monotonic() - started, 1e-9)
    method = settings.backend if settings.source == "tvl1" else "geometry"
    _logger.info("flow by %s: %d pairs, %.1f pairs/s, %d workers; time: %s", method, pairs, rate, workers, spent)

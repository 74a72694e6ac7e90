"""Stage *flow*: flow of every consecutive pair of frames in 8 bits, by TV-L1 or, for generated videos, exact."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np

from i2vadapt import stages
from i2vadapt.config.preprocessing import FlowSettings
from i2vadapt.data.failures import failure
from i2vadapt.data.shards.build import BATCH_ITEMS, build_shard, make_provenance
from i2vadapt.data.shards.format import Encoded, Failed
from i2vadapt.data.shards.reader import ShardReader
from i2vadapt.flow.encoding import ClipWriter, EncodedFlow, QuantisedFlow, encode, quantise_flow
from i2vadapt.flow.geometric import exact_flow, is_generated, open_depth
from i2vadapt.flow.pairs import is_on_gpu, quantised_pairs
from i2vadapt.flow.tvl1 import resolve_backend, to_grey
from i2vadapt.layout import partial_folder
from i2vadapt.runtime.devices import visible_devices
from i2vadapt.runtime.parallel import map_over_devices, ordered_map, prefetch, thread_map

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


@dataclass
class Seconds:
    """Time spent on each step by all workers together, seconds."""

    decode: float = 0.0
    flow: float = 0.0
    encode: float = 0.0

    def add(self, other: Seconds) -> None:
        """Adds the time spent on a part."""
        self.decode += other.decode
        self.flow += other.flow
        self.encode += other.encode

    def shares(self) -> str:
        """Share of each step."""
        steps = vars(self)
        total = max(sum(steps.values()), 1e-9)
        return ", ".join(f"{_STEPS[name]} {seconds / total:.0%}" for name, seconds in steps.items())

    def slowest(self, threads: int) -> str:
        """The step that the others wait for, where reading and encoding have several threads each and flow has one."""
        alone = {"decode": self.decode / threads, "flow": self.flow, "encode": self.encode / threads}
        return _STEPS[max(alone, key=lambda name: alone[name])]


Next = TypeVar("Next")
_STEPS = {"decode": "reading", "flow": "flow", "encode": "encoding"}
Result = tuple[Encoded | Failed, Seconds]
Made = TypeVar("Made")


@dataclass(frozen=True)
class Part(Generic[Made]):
    """What was made of consecutive pairs of a clip, or why there is nothing, and the time spent on it so far.

    Attributes:
        clip: the clip.
        made: range of frames, then frames (n+1,H,W,3) uint8, then their flow, quantised and finally encoded.
        is_last: whether it is the clip's last part.
        seconds: time spent.
    """

    clip: Clip
    made: Made | Failed
    is_last: bool
    seconds: Seconds

    def then(self, step: str, function: Callable[[Clip, Made], Next]) -> Part[Next]:
        """Applies a step of the chain, named as in `Seconds`; a failure is the clip's."""
        if isinstance(self.made, Failed):
            return Part(self.clip, self.made, self.is_last, self.seconds)
        started = time.perf_counter()
        try:
            made: Next | Failed = function(self.clip, self.made)
        except Exception as error:
            made = failure(self.clip.id, error)
        spent = replace(self.seconds, **{step: time.perf_counter() - started})
        return Part(self.clip, made, self.is_last, spent)


def _parts(clips: Iterable[Clip]) -> Iterator[Part[range]]:
    """Divides clips into parts, so that a long video is never in memory as a whole."""
    for clip in clips:
        count = clip.count
        if count < 2:
            yield Part(clip, Failed(clip.id, f"{count} frame, at least 2 are needed"), True, Seconds())
            continue
        started = time.perf_counter()
        try:
            pairs = _pairs_at_a_time(clip)
        except Exception as error:
            yield Part(clip, failure(clip.id, error), True, Seconds())
            continue
        seconds = Seconds(decode=time.perf_counter() - started)
        for start in range(0, count - 1, pairs):
            stop = min(start + pairs, count - 1)
            yield Part(clip, range(start, stop + 1), stop == count - 1, seconds)
            seconds = Seconds()


def _pairs_at_a_time(clip: Clip) -> int:
    height, width = clip.frames.frames(clip.item, [0]).shape[1:3]
    return max(PART_PIXELS // (height * width), 1)


def _read(part: Part[range]) -> Part[np.ndarray]:
    return part.then("decode", lambda clip, frames: clip.frames.frames(clip.item, np.array(frames)))


def _compute(part: Part[np.ndarray]) -> Part[QuantisedFlow]:
    return part.then("flow", _flow)


def _flow(clip: Clip, frames: np.ndarray) -> QuantisedFlow:
    grey = to_grey(frames)
    return quantised_pairs(grey[:-1], grey[1:], clip.settings)


def _trace(clip: Clip, depth: ShardReader) -> Part[QuantisedFlow]:
    """Computes the exact flow of a generated clip, whose number of frames is a setting and small."""
    whole = Part(clip, range(clip.count), True, Seconds())
    return whole.then(
        "flow", lambda clip, _: quantise_flow(exact_flow(clip.frames, depth, clip.id), clip.settings.bound)
    )


def _encode(part: Part[QuantisedFlow]) -> Part[EncodedFlow]:
    return part.then("encode", lambda clip, flow: encode(flow, clip.settings))


def _collect(parts: Iterable[Part[EncodedFlow]]) -> Iterator[Result]:
    """Writes the parts of one clip after another, and yields each clip when its last part has come."""
    writer: ClipWriter | None = None
    seconds, failed = Seconds(), None
    try:
        for part in parts:
            writer = writer or ClipWriter(part.clip.folder)
            seconds.add(part.seconds)
            if isinstance(part.made, Failed):
                failed = failed or part.made
            elif failed is None:
                writer.add(part.made)
            if not part.is_last:
                continue
            if failed:
                writer.discard()
            result = failed or _finished(writer, part.clip), seconds
            writer, seconds, failed = None, Seconds(), None
            yield result
    finally:
        if writer:
            writer.discard()


def _finished(writer: ClipWriter, clip: Clip) -> Encoded:
    frames, info = writer.finish()
    info["fps"] = clip.frames.info[clip.item].get("fps")
    return Encoded(clip.id, int(clip.frames.labels[clip.item]), frames, info)


def _process_clip(clip: Clip) -> Result:
    flow = map(_compute, map(_read, _parts([clip]))) if clip.depth is None else iter([_trace(clip, clip.depth)])
    return next(_collect(map(_encode, flow)))


def _pipeline(clips: Sequence[Clip], threads: int) -> Iterator[Result]:
    flow = prefetch(map(_compute, thread_map(_read, _parts(clips), threads)))
    return _collect(thread_map(_encode, flow, threads))


def _process_batch(threads: int, clips: Sequence[Clip]) -> list[Result]:
    return list(_pipeline(clips, threads))


def _results(clips: Sequence[Clip], settings: FlowSettings, workers: int) -> Iterator[Result]:
    """Yields finished clips in order, while others are being read, computed and encoded.

    On CPUs each worker process takes a clip through all steps. A GPU is fed by one process, with a thread for the flow
    and several that read and encode; several GPUs are fed by one process each, in turn.
    """
    if not is_on_gpu(settings):
        return ordered_map(_process_clip, clips, workers)
    devices = visible_devices()
    if len(devices) == 1:
        return _pipeline(clips, workers)
    batches = [clips[start : start + BATCH_ITEMS] for start in range(0, len(clips), BATCH_ITEMS)]
    process = partial(_process_batch, max(workers // len(devices), 1))
    return itertools.chain.from_iterable(map_over_devices(process, batches, devices))


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
        workers: number of worker processes; on a GPU, of threads that read and as many that encode.
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
    _logger.info(
        "flow by %s: %d pairs, %.1f pairs/s, %d workers; time: %s", method, pairs, rate, workers, spent.shares()
    )
    if is_on_gpu(settings):
        _logger.info("the other steps waited for: %s", spent.slowest(workers))

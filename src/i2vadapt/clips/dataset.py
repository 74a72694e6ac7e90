"""Clips given to the networks: frames and flow of an item, sampled in time, cropped and flipped, still in 8 bits.

Every random choice depends on (seed, epoch, purpose, item number) alone, so that neither the number of loader processes
nor an interruption changes a clip.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from i2vadapt.adaptation.retrieval import AGGREGATES
from i2vadapt.clips.sampling import uniform_indices
from i2vadapt.config import TrainSettings
from i2vadapt.data.flow_codec import dequantise, flip_codes
from i2vadapt.data.image import flip_frames
from i2vadapt.data.items import UNLABELLED, read_items
from i2vadapt.data.shards.reader import Area, ShardReader
from i2vadapt.data.shards.set import ShardSet
from i2vadapt.errors import UserError
from i2vadapt.layout import shard_name

_logger = logging.getLogger(__name__)

SOURCE, PACED, TARGET = 0, 1, 2
Sample = dict[str, Tensor]
Lend = Callable[[np.random.Generator, int], list[tuple[str, float]]]
"""Gives the number of a source item the ids and weights of target items whose flow it gets; none to keep its own."""


@dataclass(frozen=True)
class Window:
    """A square cut out of a frame: its place as a share of the room there is, and a mirror.

    Attributes:
        y: 0 is the top, 1 the bottom.
        x: 0 is the left, 1 the right.
        flip: mirrored left to right.
    """

    y: float = 0.5
    x: float = 0.5
    flip: bool = False

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Window:
        """A random place, mirrored half of the time."""
        return cls(float(rng.random()), float(rng.random()), bool(rng.random() < 0.5))

    def area(self, height: int, width: int, side: int, name: str) -> Area:
        """Rows and columns of the square in the frames of the item with that name.

        Raises:
            UserError: if it is larger than the frame.
        """
        if min(height, width) < side:
            raise UserError(
                f"train.crop: {side} is larger than the frames of {name} ({width}x{height}):"
                " raise short_side or lower crop"
            )
        top, left = round(self.y * (height - side)), round(self.x * (width - side))
        return slice(top, top + side), slice(left, left + side)


class DomainClips:
    """Items of a dataset with their shards of frames and flow.

    Args:
        folder: results/datasets/<dataset>.
        streams: which of rgb and flow are read.

    Raises:
        UserError: if a shard is missing or damaged, or flow was computed from other frames.
    """

    def __init__(self, folder: Path, streams: Sequence[str]) -> None:
        manifest = read_items(folder / "manifest.csv")
        names = [shard_name(index) for index in range(len(list((folder / "items").glob("*.csv"))))]
        if not names:
            raise UserError(f"{folder / 'items'}: no tables of items: run the manifest stage")
        paths = [folder / "frames" / f"{name}.h5" for name in names]
        self.frames = ShardSet(paths, "frames")
        self.frames_settings: dict[str, Any] = ShardReader(paths[0], "frames").provenance["settings"]
        self.flow: ShardSet | None = None
        self.flow_settings: dict[str, Any] = {}
        if "flow" in streams:
            paths = [folder / "flow" / f"{name}.h5" for name in names]
            self.flow = ShardSet(paths, "flow")
            self.flow_settings = ShardReader(paths[0], "flow").provenance["settings"]
            for path, digest in zip(paths, self.frames.digests, strict=True):
                if ShardReader(path, "flow").provenance["inputs"]["frames"] != digest:
                    raise UserError(
                        f"{path}: flow of other frames than those in {folder / 'frames'}: rerun the flow stage"
                    )
        stages = [stage for stage in (self.frames, self.flow) if stage is not None]
        self.items = [item for item in manifest if all(item.id in stage for stage in stages)]
        if len(self.items) < len(manifest):
            kept = {item.id for item in self.items}
            lost = [item.id for item in manifest if item.id not in kept]
            _logger.warning("%s: %d items failed in preprocessing: %s", folder, len(lost), ", ".join(lost[:10]))
        if not self.items:
            raise UserError(f"{folder}: no item of manifest.csv has frames{' and flow' if self.flow else ''}")

    @property
    def bound(self) -> float:
        """Largest component of flow that can be stored, pixels."""
        return float(self.flow_settings["bound"])

    @property
    def labels(self) -> np.ndarray:
        """(n,) labels, -1 where there is none."""
        return np.array([item.label for item in self.items], np.int64)

    @property
    def is_labelled(self) -> bool:
        """Whether any item has a label."""
        return bool((self.labels != UNLABELLED).any())

    def digests(self) -> dict[str, list[str]]:
        """Digests of all shards that are read."""
        return {"frames": self.frames.digests, "flow": self.flow.digests if self.flow else []}

    def rgb_clip(self, item_id: str, indices: np.ndarray, window: Window, side: int) -> Tensor:
        """(T,side,side,3) uint8."""
        frames = self.frames.stored(item_id, indices, partial(window.area, side=side, name=item_id))
        return torch.from_numpy(flip_frames(frames) if window.flip else frames)

    def flow_clip(self, item_id: str, indices: np.ndarray, window: Window, side: int) -> Tensor:
        """(T,side,side,2) codes of flow from each of the given frames to the next, of the last pair after the end."""
        if self.flow is None:
            raise ValueError("flow is not read")
        last = self.flow.count(item_id) - 1
        codes = self.flow.stored(item_id, np.minimum(indices, last), partial(window.area, side=side, name=item_id))
        return torch.from_numpy(flip_codes(codes) if window.flip else codes)


def plain_errors(batches: Iterable[Sample]) -> Iterator[Sample]:
    """Batches of a loader; a mistake found in one of its processes is told as it is, without that process's trace."""
    try:
        yield from batches
        return
    except UserError as error:
        message = str(error).rpartition(f"{UserError.__module__}.{UserError.__name__}: ")[2].strip()
        error.__traceback__ = None  # it would keep the loader, and so its processes, alive
    raise UserError(message)


class SourceClips(Dataset[Sample]):
    """Generated source videos with labels; with the memory bank on, flow is real target flow (paper section 3.2).

    Args:
        source: generated videos.
        target: where the bank's flow is read.
        settings: sizes, crops.
        key: seed and epoch.
        lend: gives flow of the target, or None to keep the source's own flow.
    """

    def __init__(
        self,
        source: DomainClips,
        target: DomainClips,
        settings: TrainSettings,
        key: tuple[int, int],
        lend: Lend | None,
    ) -> None:
        self._source, self._target, self._settings = source, target, settings
        self._key, self._lend = key, lend

    def __len__(self) -> int:
        return len(self._source.items)

    def __getitem__(self, index: int) -> Sample:
        item, settings = self._source.items[index], self._settings
        rng = np.random.default_rng([*self._key, SOURCE, index])
        window = Window.draw(rng)
        indices = uniform_indices(self._source.frames.count(item.id), settings.clip_frames)
        sample = {
            "rgb": self._source.rgb_clip(item.id, indices, window, settings.crop),
            "label": torch.tensor(item.label),
        }
        if self._source.flow is not None:
            window = window if settings.crops == "shared" else Window.draw(rng)
            loan = self._lend(rng, index) if self._lend is not None else []
            sample["flow"] = self._flow(item.id, indices, loan, window)
        return sample

    def _flow(self, own: str, indices: np.ndarray, loan: list[tuple[str, float]], window: Window) -> Tensor:
        """The loan, or the item's own flow: codes, or where loans are blended (T,S,S,2) float32 in [-1,1]."""
        settings = self._settings
        if not loan:
            clips, weights = [self._source.flow_clip(own, indices, window, settings.crop)], [1.0]
        else:
            if settings.bank is not None and settings.bank.window == "centre":
                window = Window()
            clips = [self._target_flow(item_id, window) for item_id, _ in loan]
            weights = [weight for _, weight in loan]
        if self._lend is None or settings.bank is None or settings.bank.strategy not in AGGREGATES:
            return clips[0]
        # Videos may differ in size, so they are blended after the crop; and in pixels, not in rounded codes.
        fields = (weight * dequantise(clip.numpy(), 1.0) for weight, clip in zip(weights, clips, strict=True))
        return torch.from_numpy(sum(fields, np.float32(0)))

    def _target_flow(self, item_id: str, window: Window) -> Tensor:
        indices = uniform_indices(self._target.frames.count(item_id), self._settings.clip_frames)
        return self._target.flow_clip(item_id, indices, window, self._settings.crop)


class TestClips(Dataset[Sample]):
    """Frames spread evenly over a whole video, centre crop (paper section 4.2: 32 frames)."""

    __test__ = False

    def __init__(self, domain: DomainClips, frames: int, side: int, streams: Sequence[str]) -> None:
        self._domain, self._frames, self._side, self._streams = domain, frames, side, streams

    def __len__(self) -> int:
        return len(self._domain.items)

    def __getitem__(self, index: int) -> Sample:
        item = self._domain.items[index]
        indices = uniform_indices(self._domain.frames.count(item.id), self._frames)
        sample = {"index": torch.tensor(index)}
        if "rgb" in self._streams:
            sample["rgb"] = self._domain.rgb_clip(item.id, indices, Window(), self._side)
        if "flow" in self._streams:
            sample["flow"] = self._domain.flow_clip(item.id, indices, Window(), self._side)
        return sample

"""What there is of one item: its photograph, its depth, its frames and its flow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from i2vadapt.flow.colour import flow_to_colour
from i2vadapt.report.canvas import Strip, depth_colours, evenly
from i2vadapt.report.sheets import Place, strongest

_PICTURES = 8  # of a row
_SAMPLED = 16  # fields by which the colours of a film are scaled
_USUAL = 75  # percentile of their fastest motions: the flow between two shots of a film should not dim all others


@dataclass
class ItemView:
    """What there is of one item.

    Attributes:
        id: id of the item.
        title: its id and class.
        photograph: (H,W,3) uint8 RGB; None if there is none.
        depth: place of its inverse depth.
        frames: place of its frames.
        flow: place of its flow.
        notes: what is missing and why.
    """

    id: str
    title: str
    photograph: np.ndarray | None = None
    depth: Place | None = None
    frames: Place | None = None
    flow: Place | None = None
    notes: list[str] = field(default_factory=list)

    def stills(self) -> list[np.ndarray]:
        """The photograph and its inverse depth in colours, as far as they exist; (H,W,3) uint8."""
        stills = [] if self.photograph is None else [self.photograph]
        return stills if self.depth is None else [*stills, depth_colours(self.depth[0].frames(self.depth[1])[0])]

    def parts(self) -> list[str]:
        """Names of what exists, in the order in which it is drawn."""
        parts = {"photograph": self.photograph, "depth": self.depth, "frames": self.frames, "flow": self.flow}
        return [name for name, part in parts.items() if part is not None]

    @property
    def footage(self) -> Place | None:
        """Place of its frames, or of its flow if there are no frames."""
        return self.frames or self.flow

    def fields(self, indices: Sequence[int]) -> np.ndarray | None:
        """Flow (N,H,W,2) from the frames of these numbers to the next ones, pixels; of the last one, of the one before.

        None if there is no flow.
        """
        if self.flow is None:
            return None
        reader, position = self.flow
        return reader.frames(position, np.minimum(indices, int(reader.counts[position]) - 1))

    def usual_motion(self) -> float:
        """Motion that a film of the flow draws at full saturation, pixels; 1 without flow."""
        count = int(self.flow[0].counts[self.flow[1]]) if self.flow is not None else 0
        spread = self.fields(evenly(count, _SAMPLED).tolist()) if count else None
        return 1.0 if spread is None else float(np.percentile([strongest(one[None]) for one in spread], _USUAL))

    def pictures(self, indices: Sequence[int], largest: float) -> list[list[np.ndarray]]:
        """Of each number the frame and the flow to the next frame in colours, (H,W,3) uint8, as far as they exist.

        Args:
            indices: numbers of frames, from 0.
            largest: motion that is drawn at full saturation, pixels.
        """
        columns: list[list[np.ndarray]] = []
        if self.frames is not None:
            columns.append(list(self.frames[0].frames(self.frames[1], indices)))
        fields = self.fields(indices)
        if fields is not None:
            columns.append([flow_to_colour(one, largest) for one in fields])
        return [list(row) for row in zip(*columns, strict=True)]


def strip(view: ItemView) -> Strip:
    """A row with the photograph, the depth, and frames spread over the item, each followed by its flow.

    Raises:
        StageError: if a frame does not decode, since its shard is damaged.
    """
    stills = view.stills()
    pictures: list[np.ndarray | None] = [*stills]
    texts = [view.title, *(f"{name} {_size(still)}" for name, still in zip(view.parts(), stills, strict=False))]
    if view.footage is not None:
        counts = [int(reader.counts[position]) for reader, position in filter(None, (view.frames, view.flow))]
        indices = evenly(min(counts), max((_PICTURES - len(stills)) // len(counts), 1)).tolist()
        fields = view.fields(indices)
        largest = 1.0 if fields is None else strongest(fields)
        pictures += [picture for row in view.pictures(indices, largest) for picture in row]
        texts += _describe_footage(view, indices, largest)
    return Strip(" | ".join([*texts, *view.notes]), pictures)


def _describe_footage(view: ItemView, indices: Sequence[int], largest: float) -> list[str]:
    numbers, texts = ", ".join(str(index + 1) for index in indices), []
    if view.frames is not None:
        (reader, position) = view.frames
        size = f"{reader.info[position]['width']}x{reader.info[position]['height']}"
        texts.append(f"frames {numbers} of {reader.counts[position]}, {size}")
    if view.flow is not None:
        (reader, position) = view.flow
        which = f"fields {numbers} of {reader.counts[position]}" if view.frames is None else "flow"
        clipped = 100 * reader.info[position].get("clipped", 0)
        texts.append(f"{which}, up to {largest:.1f} pixels a frame, {clipped:.2f} % clipped")
    return texts


def _size(picture: np.ndarray) -> str:
    return f"{picture.shape[1]}x{picture.shape[0]}"

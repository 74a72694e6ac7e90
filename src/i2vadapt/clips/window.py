"""The square that a clip is cut out of its frames by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from i2vadapt.data.shards.reader import Area
from i2vadapt.errors import UserError


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


CENTRE = Window()
"""The square in the middle, not mirrored: that of evaluation."""

"""The square crop of a clip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from i2vadapt.data.shards.reader import Area
from i2vadapt.errors import UserError


@dataclass(frozen=True)
class Window:
    """Position of a square crop, independent of the frame size, and whether it is mirrored.

    Attributes:
        y: vertical position, from 0 (top) to 1 (bottom).
        x: horizontal position, from 0 (left) to 1 (right).
        flip: whether the crop is mirrored left to right.
    """

    y: float = 0.5
    x: float = 0.5
    flip: bool = False

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Window:
        """Draws a position uniformly, and a flip with probability 0.5."""
        return cls(float(rng.random()), float(rng.random()), bool(rng.random() < 0.5))

    def area(self, height: int, width: int, side: int, name: str) -> Area:
        """Rows and columns of the crop in a frame.

        Args:
            height: height of the frame, pixels.
            width: width of the frame, pixels.
            side: side of the crop, pixels.
            name: name of the item, for messages.

        Raises:
            UserError: if the crop is larger than the frame.
        """
        if min(height, width) < side:
            raise UserError(
                f"train.crop: {side} is larger than the frames of {name} ({width}x{height}):"
                " raise short_side or lower crop"
            )
        top, left = round(self.y * (height - side)), round(self.x * (width - side))
        return slice(top, top + side), slice(left, left + side)


CENTRE = Window()
"""The centre crop without a flip, used in evaluation."""

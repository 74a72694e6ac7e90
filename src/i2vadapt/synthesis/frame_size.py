"""Size of the frames that are made from a photograph."""

from __future__ import annotations

from i2vadapt.data.image import size_with_short_side
from i2vadapt.data.shards.codec import LONGEST_SIDE
from i2vadapt.errors import UserError


def frame_size(height: int, width: int, short_side: int, aspect: str) -> tuple[int, int]:
    """Height and width of the frames of a photograph, see `size_with_short_side`.

    Raises:
        UserError: if the photograph is so long and narrow that its frames would take gigabytes of memory.
    """
    size = size_with_short_side(height, width, short_side, aspect)
    if max(size) > LONGEST_SIDE:
        raise UserError(
            f"{width}x{height} pixels are too long and narrow: frames of {size[1]}x{size[0]} would be needed,"
            f" but a JPEG ends at {LONGEST_SIDE}"
        )
    return size

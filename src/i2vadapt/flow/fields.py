"""The fields that the compiled parts of the CPU's TV-L1 share.

Each field has a border of one pixel, so that pixel (y, x) is at [y + 1, x + 1] and no neighbour needs a special case.
Its width is a whole number of blocks, so that compiled loops have no remainder.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
BLOCK = 16  # pixels: the floats of an AVX-512 register


class DataTerm(NamedTuple):
    """Brightness constancy linearised around a flow, divided by the length of the image gradient.

    The residual at the flow u is normal . u + offset, in pixels along the gradient; the thresholding step of Zach et
    al., Eq. 15, moves u against it by at most `limit`. All are 0 where the image has no gradient, and in the border.
    """

    normal_x: Field
    normal_y: Field
    offset: Field
    limit: Field


class State(NamedTuple):
    """Flow (u, v) and the dual variables of its components: p = (p_x, p_y) of u, q = (q_x, q_y) of v."""

    u: Field
    v: Field
    p_x: Field
    p_y: Field
    q_x: Field
    q_y: Field


def blank(height: int, width: int) -> Field:
    """A field of zeros for an image of the given size."""
    return np.zeros((height + 2, -(-width // BLOCK) * BLOCK + 2), np.float32)


def inner(field: Field, height: int, width: int) -> Field:
    """The part of a field inside its border, as a view."""
    return field[1 : height + 1, 1 : width + 1]

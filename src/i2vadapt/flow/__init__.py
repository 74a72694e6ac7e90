"""Optical flow by TV-L1, with its file format and visualisation."""

from __future__ import annotations

from i2vadapt.flow.colour import flow_to_colour
from i2vadapt.flow.flo import read_flo, write_flo
from i2vadapt.flow.tvl1 import to_grey, tvl1

__all__ = [
    "flow_to_colour",
    "read_flo",
    "to_grey",
    "tvl1",
    "write_flo",
]

"""Videos from photographs: 3D camera motion before a depth map (paper section 3.1)."""

from __future__ import annotations

from i2vadapt.synthesis.camera import intrinsics, inverse_depth_to_depth
from i2vadapt.synthesis.render import fill_holes, render_view, render_view_with_depth
from i2vadapt.synthesis.trajectory import random_walk

__all__ = [
    "fill_holes",
    "intrinsics",
    "inverse_depth_to_depth",
    "random_walk",
    "render_view",
    "render_view_with_depth",
]

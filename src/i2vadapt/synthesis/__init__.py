"""Generating videos from photographs by 3D camera motion and a depth map (paper section 3.1)."""

from __future__ import annotations

from i2vadapt.synthesis.camera import intrinsics, inverse_depth_to_depth
from i2vadapt.synthesis.render import render_view
from i2vadapt.synthesis.trajectory import random_walk, smooth_path

__all__ = [
    "intrinsics",
    "inverse_depth_to_depth",
    "random_walk",
    "render_view",
    "smooth_path",
]

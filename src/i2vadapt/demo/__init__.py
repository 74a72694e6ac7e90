"""The demo benchmark: rendered people in action, with exact depth and optical flow."""

from __future__ import annotations

from i2vadapt.demo.random_scenes import random_scene
from i2vadapt.demo.rendering import exact_flow, render
from i2vadapt.demo.scene import Camera, Frame, Scene

__all__ = ["Camera", "Frame", "Scene", "exact_flow", "random_scene", "render"]

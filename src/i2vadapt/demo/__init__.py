"""The demo benchmark: rendered people performing actions, with exact depth and optical flow."""

from __future__ import annotations

from i2vadapt.demo.actions import CLASSES
from i2vadapt.demo.benchmark import write_demo
from i2vadapt.demo.random_scenes import random_scene
from i2vadapt.demo.rendering import exact_flow, flow_of, render
from i2vadapt.demo.scene import Camera, Frame, Scene

__all__ = ["CLASSES", "Camera", "Frame", "Scene", "exact_flow", "flow_of", "random_scene", "render", "write_demo"]

"""Networks: I3D, CLIP, ResNet, torchvision's networks of clips, and the classifier of a stream."""

from __future__ import annotations

from i2vadapt.models.i3d import InceptionI3D

__all__ = ["InceptionI3D"]

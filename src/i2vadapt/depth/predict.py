"""Predicting inverse depth of images with a network, several images at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from i2vadapt.depth.network import DepthNetwork
from i2vadapt.depth.preprocess import DepthMap, Image, network_input
from i2vadapt.errors import UserError


def run_network(model: DepthNetwork, inputs: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Predicts from inputs of one size, in the data type that the network was prepared for.

    Args:
        model: network on any device.
        inputs: arrays (3, H, W) from `network_input`.

    Returns:
        Inverse depth (N, H, W).
    """
    device = next(model.parameters()).device
    stacked = torch.empty((len(inputs), *inputs[0].shape), pin_memory=device.type == "cuda")
    np.stack(inputs, out=stacked.numpy())
    images = stacked.to(device, non_blocking=True).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode(), torch.autocast(device.type, model.dtype, enabled=model.dtype is not torch.float32):
        depths: NDArray[np.float32] = model(images).float().cpu().numpy()
    return depths


def enlarge(depth: NDArray[np.float32], size: tuple[int, ...], mode: str) -> DepthMap:
    """Resizes a map (H, W).

    Args:
        depth: map predicted by the network.
        size: height and width of the photograph.
        mode: interpolation, see `DepthModelSpec.enlarge`.
    """
    with torch.inference_mode():
        wide = F.interpolate(
            torch.from_numpy(depth)[None, None], size=size, mode=mode, align_corners=mode == "bilinear"
        )
    large: DepthMap = wide[0, 0].numpy()
    return large


def predict_inverse_depth_batch(model: DepthNetwork, images: Sequence[Image]) -> list[DepthMap]:
    """Predicts several images in one pass.

    Args:
        model: network from `build_depth_model`, on any device.
        images: (H, W, 3) RGB; sizes may differ as long as `spec_network_size` is the same for all.

    Returns:
        Inverse depth (H, W) of each image; larger is nearer, scale and shift are unknown.

    Raises:
        UserError: if the images have different network sizes, are not RGB of 8 bits, or are too long and narrow.
    """
    if not images:
        return []
    inputs = [network_input(model.spec, image) for image in images]
    sizes = {array.shape[1:] for array in inputs}
    if len(sizes) > 1:
        raise UserError(f"depth: images of different network sizes {sorted(sizes)} in one batch; allowed: one size")
    depths = run_network(model, inputs)
    return [enlarge(depth, image.shape[:2], model.spec.enlarge) for depth, image in zip(depths, images, strict=True)]


def predict_inverse_depth(model: DepthNetwork, image: Image) -> DepthMap:
    """`predict_inverse_depth_batch` for one image (H, W, 3)."""
    return predict_inverse_depth_batch(model, [image])[0]

"""TV-L1 by OpenCV's DualTVL1OpticalFlow on the CPU (Sánchez Pérez et al. 2013, with a median filter of the flow)."""

from __future__ import annotations

import cv2
import numpy as np

from i2vadapt.config.preprocessing import Tvl1Settings
from i2vadapt.errors import UserError


def tvl1_pairs(first: np.ndarray, second: np.ndarray, settings: Tvl1Settings) -> np.ndarray:
    """Flow of pairs of images, one pair after another.

    Args:
        first: (N,H,W) uint8.
        second: (N,H,W) uint8.
        settings: parameters of the algorithm.

    Returns:
        (N,H,W,2) float32 pixels.

    Raises:
        UserError: if this OpenCV was built without the optflow module.
    """
    if not hasattr(cv2, "optflow"):
        raise UserError(
            "flow: backend opencv: this OpenCV has no optflow module; install opencv-contrib-python-headless"
        )
    flow = np.empty((*first.shape, 2), np.float32)
    for one, two, out in zip(first, second, flow, strict=True):
        # A new object for each pair: calc() lowers the object's own number of scales when an image is small.
        out[:] = _create(settings).calc(np.ascontiguousarray(one), np.ascontiguousarray(two), None)
    return flow


def _create(settings: Tvl1Settings) -> cv2.optflow.DualTVL1OpticalFlow:
    return cv2.optflow.DualTVL1OpticalFlow.create(
        tau=settings.tau,
        lambda_=settings.lambda_,
        theta=settings.theta,
        nscales=settings.n_scales,
        warps=settings.n_warps,
        epsilon=settings.epsilon,
        innnerIterations=settings.inner_iterations,  # OpenCV's own spelling
        outerIterations=settings.outer_iterations,
        scaleStep=settings.scale_step,
        medianFiltering=settings.median_filter,
    )

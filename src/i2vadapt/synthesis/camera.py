"""The virtual camera: its intrinsics, and depth from a network's inverse depth.

Conventions: pixel centres are at integer coordinates; x points to the right, y down, z forward. A pose is a 4x4 matrix
that maps points from the old camera's coordinates to the new one's, X' = R X + t.
"""

from __future__ import annotations

import numpy as np

from i2vadapt.errors import UserError


def intrinsics(height: int, width: int, focal: float = 0.58) -> np.ndarray:
    """The 3x3 matrix K of the virtual camera (Depthstillation, Aleotti et al. 2021).

    Args:
        height: height of the image, pixels.
        width: width of the image, pixels.
        focal: focal length relative to the image's size: fx = focal * width and fy = focal * height.

    Returns:
        (3,3) float64 with the principal point at (width/2, height/2).

    Raises:
        UserError: if a value is not positive.
    """
    if not (height > 0 and width > 0 and 0 < focal < np.inf):
        raise UserError(f"camera: height {height}, width {width} and focal {focal} must be positive")
    return np.array([[focal * width, 0.0, width / 2], [0.0, focal * height, height / 2], [0.0, 0.0, 1.0]])


def inverse_depth_to_depth(inverse_depth: np.ndarray, offset: float = 0.005, far: float = 100.0) -> np.ndarray:
    """Depth z = min(1 / (d + offset), far) of a normalised inverse depth d (Depthstillation).

    Args:
        inverse_depth: array of any shape; floats in [0,1], or uint16 with 65535 for 1. Larger is nearer.
        offset: added to d so that the farthest point is at a finite distance.
        far: largest depth.

    Returns:
        float32 of the same shape, in [1 / (1 + offset), far].

    Raises:
        UserError: if a value is not finite or is outside [0,1].
    """
    if inverse_depth.dtype == np.uint16:
        values = inverse_depth.astype(np.float64) / 65535
    elif np.issubdtype(inverse_depth.dtype, np.floating):
        values = inverse_depth.astype(np.float64)
    else:
        raise UserError(f"inverse depth: must be uint16 or floating point, not {inverse_depth.dtype}")
    # Resizing in single precision may leave [0,1], but only by its rounding error.
    if not ((values >= -1e-5) & (values <= 1 + 1e-5)).all():
        raise UserError(f"inverse depth: must lie in [0, 1], not in [{values.min():g}, {values.max():g}]")
    return np.minimum(1 / (np.clip(values, 0, 1) + offset), far).astype(np.float32)

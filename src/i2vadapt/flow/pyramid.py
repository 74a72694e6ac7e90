"""What the backends of TV-L1 share: sizes of the pyramid's levels, and how often convergence is checked."""

from __future__ import annotations

SWEEP = 5  # iterations per pass, after which convergence is checked; it divides the 30 inner iterations
SMALLEST_SIDE = 16  # pixels; the pyramid ends before a level with a smaller side


def level_sizes(height: int, width: int, n_scales: int, scale_step: float) -> list[tuple[int, int]]:
    """Height and width of each level, the full image first, by the rule of OpenCV's DualTVL1OpticalFlow.

    Args:
        height: height of the image, at least 1.
        width: width of the image, at least 1.
        n_scales: largest number of levels.
        scale_step: ratio of the size of a level to that of the one before it, in (0, 1).
    """
    sizes = [(height, width)]
    while len(sizes) < n_scales:
        height, width = round(height * scale_step), round(width * scale_step)
        if min(height, width) < SMALLEST_SIDE:
            break
        sizes.append((height, width))
    return sizes

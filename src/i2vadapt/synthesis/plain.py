"""Generating a clip from a plain image file, outside the workflow."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from i2vadapt.config.preprocessing import DepthSettings, SynthesisSettings
from i2vadapt.data.image import read_image
from i2vadapt.data.items import item_seed
from i2vadapt.data.video import write_video
from i2vadapt.depth.stage import inverse_depth_in_unit_range, load_network
from i2vadapt.synthesis.clip import Estimate, synthesize_clip


def depth_estimator(settings: DepthSettings) -> tuple[Estimate, dict[str, str]]:
    """Returns a function that maps an image to its inverse depth in [0,1], and the identity of its network."""
    network, identity = load_network(settings)
    return lambda image: inverse_depth_in_unit_range(network, image), identity


def synthesize_file(image: Path, out: Path, settings: SynthesisSettings, depth: DepthSettings, seed: int) -> None:
    """Writes the clip of one photograph as a video file.

    Raises:
        UserError: if the image can't be read or the network can't be loaded.
    """
    photograph = read_image(image)
    estimate, _ = depth_estimator(depth)
    rng = np.random.default_rng(item_seed(seed, "synthesize", image.name))
    frames, _ = synthesize_clip(photograph, estimate(photograph), settings, rng, estimate)
    write_video(out, frames, fps=25.0)

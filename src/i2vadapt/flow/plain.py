"""Flow of plain image and video files, outside the workflow."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from i2vadapt.config.preprocessing import FlowSettings
from i2vadapt.data.image import read_image
from i2vadapt.data.video import read_frames, write_video
from i2vadapt.errors import UserError
from i2vadapt.flow.colour import flow_to_colour
from i2vadapt.flow.flo import write_flo
from i2vadapt.flow.stage import flow_of_frames


def flow_of_images(first: Path, second: Path, out: Path, settings: FlowSettings) -> None:
    """Writes the flow from one image to another as a .flo file.

    Raises:
        UserError: if an image can't be read, the sizes differ, or `out` is not a .flo file.
    """
    if out.suffix != ".flo":
        raise UserError(f"flow: --out: {out}: must end in .flo for two images")
    images = [read_image(first), read_image(second)]
    if images[0].shape != images[1].shape:
        sizes = [f"{image.shape[1]}x{image.shape[0]}" for image in images]
        raise UserError(f"flow: {first} is {sizes[0]} and {second} is {sizes[1]}: the sizes must be equal")
    write_flo(out, flow_of_frames(np.stack(images), settings)[0])


def flow_of_video(video: Path, out: Path, settings: FlowSettings) -> None:
    """Writes the flow of a video as a colour-coded video (hue is direction, saturation is speed).

    Raises:
        UserError: if the video can't be read or has fewer than two frames.
    """
    clip = read_frames(video)
    if len(clip.frames) < 2:
        raise UserError(f"{video}: {len(clip.frames)} frame, at least 2 are needed for flow")
    flow = flow_of_frames(clip.frames, settings)
    largest = max(float(np.quantile(np.linalg.norm(flow, axis=-1), 0.99)), 1.0)
    write_video(out, np.stack([flow_to_colour(field, largest) for field in flow]), clip.fps)

"""Depth of plain image files, outside the workflow."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from i2vadapt.config import DepthSettings
from i2vadapt.data.image import read_image
from i2vadapt.data.items import write_atomically
from i2vadapt.data.shards import encode_depth
from i2vadapt.depth.preprocess import predict_inverse_depth, to_uint16
from i2vadapt.depth.stage import load_network
from i2vadapt.errors import UserError
from i2vadapt.progress import progress


def estimate_files(images: Sequence[Path], out: Path, settings: DepthSettings) -> None:
    """Writes `<stem>.png`, 16-bit inverse depth stretched to the full range, for each image into a folder.

    Raises:
        UserError: if an image can't be read (the others are done first), or two have the same stem.
    """
    stems = [image.stem for image in images]
    twice = sorted({stem for stem in stems if stems.count(stem) > 1})
    if twice:
        raise UserError(
            f"depth: more than one image is called {', '.join(twice)}; their maps would overwrite each other"
        )
    network, _ = load_network(settings)
    problems = []
    with progress(len(images), "depth", "image") as bar:
        for image in images:
            try:
                inverse = predict_inverse_depth(network, read_image(image))
                write_atomically(out / f"{os.fsdecode(image.stem)}.png", encode_depth(to_uint16(inverse)))
            except UserError as error:
                problems.append(str(error))
            bar.update()
    if problems:
        raise UserError("\n".join(problems))

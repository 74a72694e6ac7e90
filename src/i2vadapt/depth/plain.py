"""Depth maps of plain image files, outside the workflow."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from i2vadapt.config.preprocessing import DepthSettings
from i2vadapt.data.items import UNLABELLED, Item
from i2vadapt.data.shards.format import Failed
from i2vadapt.depth.stage import estimate_items, load_network
from i2vadapt.errors import UserError
from i2vadapt.files.atomic import write_atomically
from i2vadapt.runtime.progress import progress


def estimate_files(images: Sequence[Path], out: Path, settings: DepthSettings) -> None:
    """Writes a map `<stem>.png` for each image into a folder: 16-bit inverse depth, stretched to the full range.

    Raises:
        UserError: if an image can't be read (all others are still processed), or two images have the same stem.
    """
    stems = [image.stem for image in images]
    twice = sorted({stem for stem in stems if stems.count(stem) > 1})
    if twice:
        raise UserError(
            f"depth: more than one image is named {', '.join(twice)}; their maps would overwrite each other"
        )
    network, _ = load_network(settings)
    items = [Item(str(image), str(image), "", UNLABELLED, "") for image in images]
    problems = []
    with progress(len(images), "depth", "image") as bar:
        for image, result in zip(images, estimate_items(network, items), strict=True):
            if isinstance(result, Failed):
                problems.append(result.reason)
                continue
            write_atomically(out / f"{os.fsdecode(image.stem)}.png", result.frames[0])
            bar.update()
    if problems:
        raise UserError("\n".join(problems))

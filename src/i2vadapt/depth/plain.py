"""Depth maps of plain image files, outside the workflow."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from i2vadapt.config.preprocessing import DepthSettings
from i2vadapt.data.items import UNLABELLED, Item
from i2vadapt.data.listing import IMAGE_SUFFIXES
from i2vadapt.data.shards.format import Failed
from i2vadapt.depth.stage import estimate_items, load_network
from i2vadapt.errors import UserError
from i2vadapt.files.atomic import write_atomically
from i2vadapt.runtime.progress import progress

_OTHER_SUFFIXES = {".h5", ".npy", ".npz", ".mp4", ".exr", ".pfm"}  # of files that one may expect to get


def estimate_files(images: Sequence[Path], out: Path, settings: DepthSettings) -> None:
    """Writes a map of each image as a PNG: 16-bit inverse depth, stretched to the full range.

    Args:
        images: image files.
        out: folder of the maps, each named `<stem>.png`; for a single image also the map itself, a name in .png.
        settings: settings of the stage.

    Raises:
        UserError: if an image can't be read (all others are still processed), two images have the same stem, or `out`
            has the suffix of another kind of file.
    """
    single = _is_file_name(images, out)
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
            write_atomically(out if single else out / f"{os.fsdecode(image.stem)}.png", result.frames[0])
            bar.update()
    if problems:
        raise UserError("\n".join(problems))


def _is_file_name(images: Sequence[Path], out: Path) -> bool:
    """Whether `out` names the map of a single image, and not the folder of all maps."""
    suffix = out.suffix.lower()
    if out.is_dir() or suffix not in IMAGE_SUFFIXES | _OTHER_SUFFIXES:
        return False
    if suffix != ".png":
        raise UserError(f"depth: --out: {out}: maps are PNG files of 16 bits: name a folder, or for one image a .png")
    if len(images) > 1:
        raise UserError(f"depth: --out: {out}: must be a folder for the maps of {len(images)} images")
    return True

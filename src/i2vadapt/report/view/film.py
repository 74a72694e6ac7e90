"""An item as a film: photograph, depth, frames and flow side by side."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from i2vadapt.data.video import WRITTEN_FORMATS, write_video
from i2vadapt.errors import UserError, cause
from i2vadapt.files.atomic import replacing
from i2vadapt.report.canvas import side_by_side
from i2vadapt.report.sheets import Place
from i2vadapt.report.view.item import ItemView

_ANIMATIONS = {".gif": "GIF", ".webp": "WEBP"}
FILM_SUFFIXES = (*WRITTEN_FORMATS, *_ANIMATIONS)
_SMALLEST = 240  # height of the pictures, pixels; smaller frames are enlarged
_UNKNOWN_RATE = 25.0  # frames per second
_FASTEST = 100  # frames per second of a GIF, which counts hundredths of a second
_AT_ONCE = 32  # frames that are decoded at a time


def write_film(view: ItemView, out: Path, fps: float | None) -> str:
    """Writes the frames of an item as a film, with the other pictures that exist of it at their side.

    Args:
        view: the item.
        out: file to write, whose suffix is one of `FILM_SUFFIXES`.
        fps: frames per second; None for those of the item.

    Returns:
        A line that says what is where.

    Raises:
        UserError: if there are neither frames nor flow, a shard is damaged, fps is not positive, or the file can't be
            written.
    """
    if view.footage is None:
        reasons = "; ".join(view.notes) or "one depth map is all there is in a shard of depth"
        raise UserError(f"{view.id}: no frames or flow to make a film of ({reasons}); --out FILE.png writes a picture")
    reader, position = view.footage
    rate = fps or float(reader.info[position].get("fps") or _UNKNOWN_RATE)
    largest = view.usual_motion()
    frames = _frames(view, view.footage, largest)
    if out.suffix.lower() in _ANIMATIONS:
        _write_animation(out, frames, rate)
    else:
        write_video(out, frames, rate)
    motion = "" if view.flow is None else f", full colour is {largest:.1f} pixels a frame"
    return f"{out}: {' | '.join(view.parts())} of {view.title}{motion}"


def _frames(view: ItemView, footage: Place, largest: float) -> Iterator[np.ndarray]:
    reader, position = footage
    height = max(int(reader.info[position]["height"]), _SMALLEST)
    stills, count = view.stills(), int(reader.counts[position])
    for start in range(0, count, _AT_ONCE):
        for row in view.pictures(range(start, min(start + _AT_ONCE, count)), largest):
            yield side_by_side([*stills, *row], height)


def _write_animation(out: Path, frames: Iterator[np.ndarray], fps: float) -> None:
    if fps > _FASTEST:
        raise UserError(f"--fps: {fps:g}: a {out.suffix} shows at most {_FASTEST} frames per second")
    first, *others = (Image.fromarray(frame) for frame in frames)
    try:
        with replacing(out, out.suffix) as temporary:
            first.save(
                temporary,
                format=_ANIMATIONS[out.suffix.lower()],
                save_all=True,
                append_images=others,
                duration=1000 / fps,
                loop=0,
            )
    except (OSError, KeyError) as error:
        raise UserError(f"{out}: cannot be written: {cause(error)}") from None

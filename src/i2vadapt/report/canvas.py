"""Composition of contact sheets: rows of pictures under captions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import matplotlib as mpl
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from i2vadapt.data.image import resize
from i2vadapt.report.text import shown

_GAP, _MARGIN = 4, 10
_FONT_SIZE = 17
_CAPTION = 26
_WIDEST = 2.0  # width of a picture over its height; wider ones (panoramas) are squeezed to leave room for others
_PAPER, _INK, _MISSING = (255, 255, 255), (40, 40, 40), (200, 200, 200)
_EDGE = (170, 170, 170)  # separates white flow from white paper


@dataclass(frozen=True)
class Strip:
    """A row of pictures under a caption.

    Attributes:
        caption: one line.
        pictures: (H,W,3) uint8 RGB of any size; None draws a grey placeholder.
    """

    caption: str
    pictures: Sequence[np.ndarray | None]


def compose(strips: Sequence[Strip], height: int, heading: str = "") -> bytes:
    """Stacks strips from top to bottom.

    Args:
        strips: rows of the sheet.
        height: of every picture in pixels; widths keep the aspect ratio.
        heading: a line at the top.

    Returns:
        PNG.
    """
    rows = [[fit(picture, height) for picture in strip.pictures] for strip in strips]
    font = ImageFont.load_default(_FONT_SIZE)
    heading, *captions = [_one_line(text) for text in (heading, *(strip.caption for strip in strips))]
    texts = [font.getlength(text) for text in (heading, *captions)]
    widths = [sum(picture.shape[1] + _GAP for picture in row) - _GAP for row in rows]
    top = _MARGIN + (_CAPTION if heading else 0)
    size = (int(max([*widths, *texts, 1])) + 2 * _MARGIN, top + len(strips) * (_CAPTION + height + 2 * _GAP) + _MARGIN)
    sheet = Image.new("RGB", size, _PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((_MARGIN, _MARGIN), heading, _INK, font)
    for caption, row in zip(captions, rows, strict=True):
        pen.text((_MARGIN, top), caption, _INK, font)
        left = _MARGIN
        for picture in row:
            sheet.paste(Image.fromarray(picture), (left, top + _CAPTION))
            pen.rectangle((left, top + _CAPTION, left + picture.shape[1] - 1, top + _CAPTION + height - 1), None, _EDGE)
            left += picture.shape[1] + _GAP
        top += _CAPTION + height + 2 * _GAP
    return to_png(np.asarray(sheet))


def side_by_side(pictures: Sequence[np.ndarray], height: int) -> np.ndarray:
    """Pictures (H,W,3) uint8 in a row, scaled to one height in pixels, with a gap between them; (height,W,3) uint8."""
    gap = np.full((height, _GAP, 3), _PAPER, np.uint8)
    return np.concatenate([part for picture in pictures for part in (gap, fit(picture, height))][1:], axis=1)


def _one_line(text: str) -> str:
    return " ".join(shown(text).split())


def to_png(image: np.ndarray) -> bytes:
    """An (H,W,3) uint8 RGB image as PNG."""
    return bytes(cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 9])[1])


def fit(picture: np.ndarray | None, height: int) -> np.ndarray:
    """A picture (H,W,3) uint8 at some height in pixels, at most twice as wide; grey if there is none."""
    if picture is None:
        return np.full((height, height, 3), _MISSING, np.uint8)
    aspect = min(picture.shape[1] / picture.shape[0], _WIDEST)
    return resize(np.ascontiguousarray(picture), height, max(round(height * aspect), 1))


def depth_colours(inverse_depth: np.ndarray) -> np.ndarray:
    """Inverse depth (H,W) uint16 in colours (H,W,3) uint8: near is bright, far is dark."""
    table = (np.array(mpl.colormaps["inferno"](np.arange(256)))[:, :3] * 255 + 0.5).astype(np.uint8)
    colours: np.ndarray = table[inverse_depth >> 8]
    return colours


def evenly(count: int, pictures: int) -> np.ndarray:
    """Indices of at most `pictures` of `count` frames, evenly spread, first and last included."""
    return np.unique(np.linspace(0, count - 1, min(pictures, count)).round().astype(int))

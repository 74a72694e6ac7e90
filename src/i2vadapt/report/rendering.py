"""Jinja2 templates of the report, in `templates/`; those that end in .html.j2 escape whatever they print."""

from __future__ import annotations

import base64
from functools import cache
from typing import Any

import cv2
import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from i2vadapt.report.text import escape_latex, escape_markdown, plural, shown

_QUALITIES = (85, 75, 60, 45)


def render(template: str, **values: Any) -> str:
    """Fills in a template; the same values give the same text."""
    return _environment().get_template(template).render(values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("i2vadapt.report"),
        autoescape=lambda name: name is not None and name.endswith(".html.j2"),
        undefined=StrictUndefined,
        finalize=_printable,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "picture": data_url,
        "photographic": photographic_url,
        "markdown": escape_markdown,
        "latex": escape_latex,
    }
    environment.globals |= {"plural": plural}
    return environment


def _printable(value: object) -> object:
    """Names may hold bytes that are not UTF-8; markup, which is a subclass of str, is printed as it is."""
    return shown(value) if type(value) is str else value


def data_url(picture: bytes, kind: str = "png") -> str:
    """A picture as the address of an image inside the page.

    Args:
        picture: the encoded picture.
        kind: its format, as in its media type.
    """
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"


def base64_length(data: bytes) -> int:
    """Length of data in base64."""
    return 4 * -(-len(data) // 3)


def photographic_url(png: bytes, most: int) -> str:
    """The same for a picture with photographs, as JPEG, which takes a fraction of the space.

    Args:
        png: the picture.
        most: bytes of base64 that it may take; the picture is compressed more strongly, then shrunk, until it fits.
    """
    image = np.asarray(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR))
    for quality in _QUALITIES:
        jpeg = _to_jpeg(image, quality)
        if base64_length(jpeg) <= most:
            return data_url(jpeg, "jpeg")
    while base64_length(jpeg) > most and min(image.shape[:2]) > 1:
        image = cv2.resize(image, None, fx=0.8, fy=0.8, interpolation=cv2.INTER_AREA)
        jpeg = _to_jpeg(image, _QUALITIES[-1])
    return data_url(jpeg, "jpeg")


def _to_jpeg(image: np.ndarray, quality: int) -> bytes:
    return bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1])

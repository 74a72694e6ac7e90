"""Jinja2 templates of the report, in `templates/`; those that end in .html.j2 escape whatever they print."""

from __future__ import annotations

import base64
from functools import cache
from typing import Any

import cv2
import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from i2vadapt.report.text import escape_latex, escape_markdown, plural, shown


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
    environment.filters |= {"picture": data_url, "markdown": escape_markdown, "latex": escape_latex}
    environment.globals |= {"plural": plural}
    return environment


def _printable(value: object) -> object:
    """Names may hold bytes that are not UTF-8; markup, which is a subclass of str, is printed as it is."""
    return shown(value) if type(value) is str else value


def data_url(png: bytes, photographic: bool = False) -> str:
    """A picture as the address of an image inside the page.

    Args:
        png: the picture.
        photographic: converts to JPEG, which takes a fraction of the space for photographs.
    """
    kind, data = ("jpeg", _to_jpeg(png)) if photographic else ("png", png)
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def _to_jpeg(png: bytes) -> bytes:
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    return bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 85])[1])

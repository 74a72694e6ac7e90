"""Pieces of HTML: escaped tables, pictures inside the page, and its style."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

import cv2
import numpy as np

from i2vadapt.report.text import shown

STYLE = """
:root { color-scheme: light dark; --ink: #1d2329; --paper: #fff; --soft: #667; --line: #d5d9de; --mark: #eef4fb; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e3e6e9; --paper: #16191d; --soft: #9aa4ae; --line: #3a4149; --mark: #1f2c3a; }
}
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 0 auto;
  max-width: 62rem; padding: 1rem; }
h1 { font-size: 1.6rem; margin: .5rem 0; } h2 { font-size: 1.25rem; margin: 2.2rem 0 .6rem; } h3 { font-size: 1rem; }
p.note, figcaption { color: var(--soft); font-size: .9rem; }
nav a { margin-right: .9rem; white-space: nowrap; } a { color: inherit; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .7rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top; }
th { font-weight: 600; } th:first-child, td:first-child { text-align: left; }
table.plain th, table.plain td { text-align: left; }
td.result { font-weight: 700; background: var(--mark); }
figure { margin: .8rem 0; } figure img { max-width: 100%; height: auto; background: #fff; border-radius: 4px; }
.row { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 1rem; }
pre { overflow-x: auto; font-size: .82rem; background: var(--mark); padding: .7rem; border-radius: 4px; }
details { margin: .4rem 0; } summary { cursor: pointer; }
"""


def text(value: str) -> str:
    """A name or sentence, escaped; bytes that are not UTF-8 become the replacement character."""
    return escape(shown(value))


def table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    results: Sequence[int | None] = (),
    plain: bool = False,
) -> str:
    """A table that scrolls sideways where the screen is too narrow.

    Args:
        header: names of the columns; empty for a table without them.
        rows: cells, not escaped yet.
        results: for each row the column to emphasise, or None.
        plain: all columns to the left, for text; otherwise only the first.
    """
    head = "".join(f"<th>{text(name)}</th>" for name in header)
    head = f"<thead><tr>{head}</tr></thead>" if head else ""
    lines = []
    for number, row in enumerate(rows):
        marked = results[number] if number < len(results) else None
        cells = (
            f"<td{' class=result' if column == marked else ''}>{text(cell)}</td>" for column, cell in enumerate(row)
        )
        lines.append(f"<tr>{''.join(cells)}</tr>")
    kind = " class=plain" if plain else ""
    return f"<div class=wide><table{kind}>{head}<tbody>{''.join(lines)}</tbody></table></div>"


def picture(png: bytes, caption: str, photographic: bool = False) -> str:
    """A picture inside the page.

    Args:
        png: the picture.
        caption: what it shows; also its alternative text.
        photographic: kept as JPEG, which takes a fraction of the space for photographs.
    """
    kind, data = ("jpeg", _jpeg(png)) if photographic else ("png", png)
    source = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    words = text(caption)
    return f'<figure><img alt="{words}" src="{source}"><figcaption>{words}</figcaption></figure>'


def _jpeg(png: bytes) -> bytes:
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    return bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 85])[1])


def folded(summary: str, content: str) -> str:
    """Text that opens on a click."""
    return f"<details><summary>{text(summary)}</summary><pre>{text(content)}</pre></details>"

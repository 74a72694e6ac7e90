"""One look for all figures; they are made without pyplot, so that no global state is touched."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

# Okabe and Ito's colours, which colour-blind readers can distinguish; the strongest contrasts come first.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999933")
DASHES = ("-", "--", ":")
DPI = 120
_STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.7,
    "axes.edgecolor": "#666666",
    "legend.frameon": False,
    "figure.facecolor": "white",
    "text.parse_math": False,  # a $ in the name of a class is a $
}


@contextmanager
def style() -> Iterator[None]:
    """Sets the look while a figure is made."""
    with mpl.style.context(["default", _STYLE]):
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure; width and height in inches."""
    return Figure(figsize=(width, height), layout="constrained")


def to_png(figure: Figure) -> bytes:
    """The figure as PNG; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    return buffer.getvalue()


def colour(number: int) -> str:
    """Colour of a method by its place in the table; `dash` distinguishes those of the same colour."""
    return COLOURS[number % len(COLOURS)]


def dash(number: int) -> str:
    """Line style of a method by its place in the table."""
    return DASHES[number // len(COLOURS) % len(DASHES)]


def per_cent_axis(axes: Axes, axis: str = "y") -> None:
    """Labels shares as per cent."""
    (axes.yaxis if axis == "y" else axes.xaxis).set_major_formatter(PercentFormatter(1.0, decimals=0))


def whole_numbers(axes: Axes) -> None:
    """Labels the horizontal axis at whole numbers only, since epochs and videos have no fractions."""
    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10]))

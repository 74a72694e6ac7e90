"""How fast things move in the flow of a shard or dataset, and what its bound cuts off."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from i2vadapt.data.flow_codec import LEVELS, ZERO
from i2vadapt.data.shards.reader import ShardReader
from i2vadapt.errors import UserError
from i2vadapt.report.canvas import evenly
from i2vadapt.report.plotting import colour, new_figure, style, to_png
from i2vadapt.report.text import plural

_MOST_FIELDS = 2000  # that are decoded, in some seconds
_AT_ONCE = 32
_MOVING = 0.5  # pixels a frame
_WIDEST = 2 * LEVELS**2  # square of the largest magnitude, in steps


@dataclass(frozen=True)
class Motion:
    """The motion in some flow, as it is stored.

    Attributes:
        bound: largest component that is stored, pixels.
        components: (2,128) numbers of values |u| and |v| of 0 to 127 steps; a step is bound/127.
        squares: numbers of pixels whose u² + v² is 0, 1, … steps².
        clipped: share of the components that were beyond the bound before they were stored.
        items: number of items.
        fields: number of fields.
        counted: number of fields, spread over all, that `components` and `squares` count.
    """

    bound: float
    components: np.ndarray
    squares: np.ndarray
    clipped: float
    items: int
    fields: int
    counted: int

    @property
    def _step(self) -> float:
        return self.bound / LEVELS

    def magnitudes(self) -> np.ndarray:
        """Number of pixels whose magnitude is nearest to 0, 1, … steps."""
        return np.bincount(np.sqrt(np.arange(len(self.squares))).round().astype(int), weights=self.squares)

    def quantile(self, share: float) -> float:
        """Magnitude, in pixels, that this share of the flow does not exceed."""
        reached = np.cumsum(self.squares)
        return float(np.sqrt(np.searchsorted(reached, share * reached[-1]))) * self._step

    def describe(self) -> list[str]:
        """The numbers, in lines."""
        speeds = np.sqrt(np.arange(len(self.squares))) * self._step
        mean = float(np.average(speeds, weights=self.squares))
        moving = float(self.squares[speeds > _MOVING].sum() / self.squares.sum())
        largest = float(speeds[np.flatnonzero(self.squares)[-1]])
        part = "" if self.counted == self.fields else f", of which {self.counted} spread over all are measured"
        return [
            f"{plural(self.items, 'item')}, {plural(self.fields, 'field')}{part}; bound {self.bound:g} pixels",
            f"magnitude in pixels a frame: mean {mean:.2f}, median {self.quantile(0.5):.2f},"
            f" 99 % {self.quantile(0.99):.2f}, largest {largest:.2f}",
            f"clipped at the bound: {100 * self.clipped:.3f} % of the components",
            f"moving by more than {_MOVING:g} pixels: {100 * moving:.1f} % of the pixels",
        ]


def measure_motion(readers: Sequence[ShardReader], ids: Collection[str] = ()) -> Motion:
    """Counts the flow of shards.

    Args:
        readers: shards of flow that were made with the same settings.
        ids: items to count; empty for all.

    Raises:
        UserError: if there is no flow, or shards have different bounds, or one is damaged.
    """
    bounds = {float(reader.provenance["settings"]["bound"]): reader.path for reader in readers}
    if len(bounds) > 1:
        named = ", ".join(f"{path}: {bound:g}" for bound, path in bounds.items())
        raise UserError(f"flow: shards were made with different bounds ({named}); run snakemake datasets")
    places = [
        (reader, number) for reader in readers for number, item_id in enumerate(reader.ids) if not ids or item_id in ids
    ]
    if not places:
        raise UserError("--histogram: there is no flow of what is shown; run snakemake datasets, or name other items")
    lengths = np.array([reader.counts[number] for reader, number in places])
    infos = [reader.info[number] for reader, number in places]
    sizes = lengths * [info["height"] * info["width"] for info in infos]
    clipped = float(np.average([info.get("clipped", 0.0) for info in infos], weights=sizes))
    picked = evenly(int(lengths.sum()), _MOST_FIELDS)
    components, squares = np.zeros((2, LEVELS + 1), np.int64), np.zeros(_WIDEST + 1, np.int64)
    ends = np.cumsum(lengths)
    for (reader, number), first, end in zip(places, ends - lengths, ends, strict=True):
        _count(reader, number, picked[(picked >= first) & (picked < end)] - first, components, squares)
    return Motion(next(iter(bounds)), components, squares, clipped, len(places), int(ends[-1]), len(picked))


def _count(reader: ShardReader, item: int, indices: np.ndarray, components: np.ndarray, squares: np.ndarray) -> None:
    for start in range(0, len(indices), _AT_ONCE):
        codes = reader.stored(item, indices[start : start + _AT_ONCE])
        # JPEG may turn a code of 1 into 0, which is read as 1; see `dequantise`.
        steps = np.minimum(np.abs(codes.astype(np.int32) - ZERO), LEVELS).reshape(-1, 2)
        for part in (0, 1):
            components[part] += np.bincount(steps[:, part], minlength=LEVELS + 1)
        squares += np.bincount((steps**2).sum(axis=1), minlength=_WIDEST + 1)


def draw_motion(motion: Motion, title: str) -> bytes:
    """The histogram of |u|, |v| and the magnitude, with a logarithmic axis and the bound, as PNG."""
    with style():
        figure = new_figure(8.3, 4.2)
        axes = figure.subplots()
        magnitudes = motion.magnitudes()
        axes.stairs(_shares(magnitudes), _edges(motion, len(magnitudes)), fill=True, color="#cccccc", label="magnitude")
        for number, name in enumerate(("|u|, horizontal", "|v|, vertical")):
            counts = motion.components[number]
            axes.stairs(_shares(counts), _edges(motion, len(counts)), color=colour(number), label=name, linewidth=1.3)
        _draw_bound(axes, motion)
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g} %"))
        axes.set_xlim(0, None)
        axes.set_xlabel(f"motion, pixels a frame; a bar is {motion.bound / LEVELS:.3g} pixels wide")
        axes.set_ylabel("share of the pixels")
        axes.set_title(title)
        axes.legend(loc="upper right")
        return to_png(figure)


def _shares(counts: np.ndarray) -> np.ndarray:
    shares = counts / counts.sum()
    return np.where(shares > 0, shares, np.nan)


def _edges(motion: Motion, bins: int) -> np.ndarray:
    return np.maximum(np.arange(bins + 1) - 0.5, 0) * motion.bound / LEVELS


def _draw_bound(axes: Axes, motion: Motion) -> None:
    axes.axvline(motion.bound, color="#333333", linestyle="--", linewidth=1.2)
    axes.annotate(
        f"bound {motion.bound:g} pixels, \n{100 * motion.clipped:.3f} % of the components clipped ",
        (motion.bound, 0.97),
        xycoords=("data", "axes fraction"),
        horizontalalignment="right",
        verticalalignment="top",
    )

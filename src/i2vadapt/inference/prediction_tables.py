"""Predictions of plain videos as lines of a table on the terminal, as CSV and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from i2vadapt.files.atomic import write_atomically
from i2vadapt.files.tables import write_table
from i2vadapt.inference.predict import Prediction
from i2vadapt.inference.predictions import FUSED

FAILED = "not predicted"
_GAP = "  "


class TerminalTable:
    """Lines of a table whose columns are as wide as can be foreseen: video, window, stream, most probable classes.

    Args:
        videos: names of the videos.
        classes: class names in the order of the labels.
        top: number of classes to list.
        windows: whether the videos are divided into windows.
    """

    def __init__(self, videos: Sequence[Path], classes: Sequence[str], top: int, windows: bool) -> None:
        self._classes, self._top, self._windows = classes, top, windows
        self._widths = [max(len(printable(path)) for path in videos), len(FUSED)]
        self._class_width = max(len(name) for name in classes)
        self._before: Path | None = None

    def header(self) -> str:
        """The first line."""
        times = ["start s", "  end s"] if self._windows else []
        return self._line("video", times, "stream", ["probabilities"])

    def lines(self, prediction: Prediction) -> Iterator[str]:
        """Lines of a prediction, one for each stream and the fusion; a name that the line above has is left out."""
        name = "" if prediction.video == self._before else printable(prediction.video)
        self._before = prediction.video
        if prediction.span is None:
            yield self._line(printable(prediction.video), [" " * 7] * 2 if self._windows else [], FAILED, [])
            return
        times = [f"{prediction.span.start:7.2f}", f"{prediction.span.end:7.2f}"] if self._windows else []
        for stream, probabilities in prediction.probabilities.items():
            best = probabilities.argsort(kind="stable")[::-1][: self._top]
            cells = [f"{self._classes[label]:<{self._class_width}} {probabilities[label]:.3f}" for label in best]
            yield self._line(name, times, stream, cells)
            name, times = "", [" " * 7] * len(times)

    def _line(self, name: str, times: Sequence[str], stream: str, cells: Sequence[str]) -> str:
        names, streams = self._widths
        return _GAP.join([f"{name:<{names}}", *times, f"{stream:<{streams}}", *cells]).rstrip()


def printable(path: Path) -> str:
    """A file's name for the terminal; bytes that are not UTF-8 become question marks."""
    return str(path).encode("utf-8", "replace").decode()


def write_csv(out: Path, predictions: Sequence[Prediction], classes: Sequence[str]) -> None:
    """Writes a table with a row for each stream, and the fusion, of each video or window; a failed video has one row.

    Probabilities are written with as many digits as distinguish float32 numbers.

    Raises:
        OSError: if the file cannot be written.
    """
    columns = {name: f"probability_{name}" for name in classes}
    header = ["video", "start", "end", "stream", "predicted", *columns.values(), "problem"]
    rows: list[dict[str, object]] = []
    for one in predictions:
        if one.span is None:
            rows.append({"video": one.video, "problem": one.problem})
            continue
        place = {"video": one.video, "start": f"{one.span.start:.6g}", "end": f"{one.span.end:.6g}"}
        for stream, values in one.probabilities.items():
            found = {columns[name]: str(value) for name, value in zip(classes, values, strict=True)}
            rows.append({**place, "stream": stream, "predicted": classes[int(values.argmax())], **found})
    write_table(out, header, rows)


def write_json(out: Path, predictions: Sequence[Prediction], classes: Sequence[str]) -> None:
    """Writes the predictions as a document: classes, and of each video its windows or its problem.

    Raises:
        OSError: if the file cannot be written.
    """
    videos = []
    for video, group in groupby(predictions, key=lambda one: one.video):
        windows = []
        problem = ""
        for one in group:
            problem = problem or one.problem
            if one.span is not None:
                values = {stream: _by_class(classes, row) for stream, row in one.probabilities.items()}
                best = classes[int(one.final.argmax())]
                times = {"start": one.span.start, "end": one.span.end}
                windows.append({**times, "predicted": best, "probabilities": values})
        videos.append({"video": str(video), "windows": windows, "problem": problem or None})
    document = {"classes": list(classes), "videos": videos}
    # Escapes keep the bytes of names that are not UTF-8, as Python reads them.
    write_atomically(out, (json.dumps(document, indent=1) + "\n").encode())


def _by_class(classes: Sequence[str], values: np.ndarray) -> dict[str, Any]:
    # The digits of the float32 number, not of the float64 number that is equal to it.
    return {name: float(str(value)) for name, value in zip(classes, values, strict=True)}

"""Figures of the memory bank and of the pace prediction."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from tiny_methods import make_run
from tiny_results import CLASSES

from i2vadapt.errors import UserError
from i2vadapt.layout import Results, RunFolder
from i2vadapt.report.bank_figure import bank_figure
from i2vadapt.report.pace_figure import pace_figure, read_pace_counts
from i2vadapt.report.runs import Run, distinct_runs, load_methods

FILLS = {f"bank_fill_{name}": [np.nan, 5, 6, 6] for name in ("run", "sit", "wave")}
PURITIES = {f"bank_purity_{name}": [np.nan, 0.5, 0.5, np.nan] for name in ("run", "sit")}


def size_of(png: bytes | None) -> tuple[int, int]:
    assert png is not None
    height, width = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR).shape[:2]
    return height, width


def bank_run(**columns: list[float]) -> Run:
    return make_run("flow_bank", {"epoch": [1, 2, 3, 4], "loss": [3, 2, 1, 1], **columns}, "flow")


def test_the_bank_is_drawn_with_and_without_labels_and_class_by_class() -> None:
    classes = ["run", "sit", "wave"]
    assert bank_figure(bank_run(), classes) is None
    fills = size_of(bank_figure(bank_run(**FILLS), classes))
    lines = size_of(bank_figure(bank_run(**FILLS, bank_purity=[np.nan, 0.5, 0.6, 0.7]), classes))
    assert lines[0] > fills[0]  # the line of the purity is a panel above
    whole = bank_run(**FILLS, **PURITIES, bank_purity=[np.nan, 0.5, 0.6, 0.7], bank_used=[0, 0, 1, 1])
    assert size_of(bank_figure(whole, classes)) == lines
    assert bank_figure(whole, classes) == bank_figure(whole, classes)


@pytest.mark.parametrize("count", [12, 101])
def test_many_classes_and_epochs_remain_a_figure_of_a_page(count: int) -> None:
    classes = [f"class {number}" for number in range(count)]
    columns = {f"bank_fill_{name}": [float(number)] * 60 for number, name in enumerate(classes)}
    run = make_run("flow_bank", {"epoch": list(range(60)), **columns}, "flow")
    height, width = size_of(bank_figure(run, classes))
    assert width == 9 * 120
    assert height < 2000


def test_the_pace_of_each_run_that_has_counted_it_is_drawn(results: Results) -> None:
    runs = [seeds[0] for seeds in distinct_runs(load_methods(results, "tiny", ["full"], [0], CLASSES)).values()]
    (counted,) = (run for run in runs if run.folder.pace_counts.exists())
    counts = read_pace_counts(counted.folder.pace_counts)
    assert {epoch: table.tolist() for epoch, table in counts.items()} == {3: [[4, 1], [1, 4]], 4: [[5, 1], [1, 5]]}
    assert size_of(pace_figure(runs)) == size_of(pace_figure([counted]))
    assert pace_figure([run for run in runs if run is not counted]) is None
    four = [replace(counted, name=f"run {number}") for number in range(4)]
    assert size_of(pace_figure(four))[0] == pytest.approx(2 * size_of(pace_figure([counted]))[0], abs=2)


@pytest.mark.parametrize(
    ("rows", "fault"),
    [("", "has no clips")]
    + [(row, r"every cell must be a whole number \(.*\)") for row in ("1,1,x,3\n", "1,1,0,3\n", "1,2,1,-1\n")],
    ids=["none", "word", "range", "negative"],
)
def test_damaged_counts_are_one_clear_line(tmp_path: Path, rows: str, fault: str) -> None:
    path = RunFolder(tmp_path).pace_counts
    path.write_text(f"epoch,pace,predicted,clips\n{rows}")
    with pytest.raises(UserError, match=rf"pace\.csv: {fault}: train the run again"):
        read_pace_counts(path)

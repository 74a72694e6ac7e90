"""Tables and figures as targets: they run what is missing, share runs, and follow changes of their documents."""

from __future__ import annotations

import csv
from pathlib import Path

from small_project import Project

ROWS = "title: Rows\nmethods: [so_rgb, cfb]\n"
SWEEP = """
title: Sweep
sweeps: [{ label: N, method: cfb, setting: bank.capacity, values: [1, 2] }]
"""
FEATURES = "title: Features\nfeatures: [cfb]\n"
TARGETS = ("rows", "sweep", "clusters")


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_tables_sweeps_and_features_are_targets_that_share_their_runs(copy: Project) -> None:
    documents = copy.folder / "workflow" / "experiments"
    for name, text in zip(TARGETS, (ROWS, SWEEP, FEATURES), strict=True):
        (documents / f"{name}.yaml").write_text(text)
    # A capacity of 2 is that of the benchmark: the sweep trains one flow run, and RGB is that of the rows.
    planned = copy.plan(*TARGETS)
    assert {rule: planned[rule] for rule in ("train", "fuse", "video_features")} == {
        **{"train": 3, "fuse": 4, "video_features": 2}
    }
    copy.succeed(*TARGETS)
    results = copy.folder / "results"
    assert {path.parent.name for path in results.glob("runs/mine/*/seed0")} == {
        *("rgb", "flow_bank", "flow_bank@bank.capacity=1")
    }
    made = {path.name for path in (results / "experiments").glob("*/mine/*")}
    assert made == {
        *("rows.csv", "rows.md", "rows.tex", "rows.png"),
        *(f"{name}.{suffix}" for name in ("sweep", "clusters") for suffix in ("csv", "md", "png")),
    }
    rows = [row for row in read(results / "experiments" / "rows" / "mine" / "rows.csv") if row["result"] == "1"]
    assert [(row["method"], row["state"]) for row in rows] == [("so_rgb", "complete"), ("cfb", "complete")]
    assert all(0 <= float(row["mean"]) <= 1 for row in rows)
    assert copy.plan(*TARGETS) == {}
    (documents / "rows.yaml").write_text(ROWS.replace("cfb]", "cfb, cfb@bank.votes=rgb]"))
    assert copy.plan(*TARGETS) == {"train": 1, "fuse": 1, "rows": 1}
    again = copy.plan("rows", "--config", "seeds=[0,1]")
    assert (again["train"], again["rows"]) == (4, 1)


def test_the_paper_is_all_its_tables_and_figures(fresh: Project) -> None:
    planned = fresh.plan("paper", "--config", "benchmarks=[mine.yaml]")
    assert {*(f"table{number}" for number in range(1, 6)), "figure4", "figure5"} <= planned.keys()
    assert "votes" not in planned


def test_a_mistake_in_an_experiment_is_one_line(fresh: Project) -> None:
    (fresh.folder / "workflow" / "experiments" / "table2.yaml").write_text("title: T\nmethods: [so_rgb]\nsweeps: 3\n")
    result = fresh.run("-n", "table2")
    assert result.returncode == 1
    assert "table2.yaml: sweeps" in result.stdout
    assert "Traceback" not in result.stdout


def test_an_experiment_cannot_have_the_name_of_a_rule(fresh: Project) -> None:
    (fresh.folder / "workflow" / "experiments" / "train.yaml").write_text(ROWS)
    result = fresh.run("-n")
    assert result.returncode == 1
    assert "workflow/experiments/train.yaml: train is the name of a rule; rename the file" in result.stdout

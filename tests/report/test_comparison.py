"""The comparison with the paper: its numbers, ours, protocol, origin, hours."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tiny_methods import make_method, make_run

from i2vadapt.config.methods import load_methods
from i2vadapt.config.published import Published, load_published
from i2vadapt.errors import UserError
from i2vadapt.layout import Results
from i2vadapt.report.comparison import HEADER, compare, to_markdown

WORKFLOW = Path(__file__).parents[2] / "workflow"
PUBLISHED = Published(source="test", accuracy={"full": {"EtoH": 77.4}})


def test_the_shipped_file_names_methods_and_benchmarks_that_exist() -> None:
    published, table = load_published(WORKFLOW / "published.yaml"), load_methods(WORKFLOW / "methods.yaml")
    assert set(published.accuracy) <= set(table.methods)
    known = {path.stem for path in (WORKFLOW / "benchmarks").glob("*.yaml")}
    assert {benchmark for row in published.accuracy.values() for benchmark in row} <= known
    of_tables = {name for name, method in table.methods.items() if method.table is not None}
    assert of_tables <= set(published.accuracy)
    assert published.of("cycda", "BtoU") == 72.6
    assert published.of("jan", "BtoU") is None


def test_a_row_has_both_accuracies_and_the_hours_of_all_that_it_needs(tmp_path: Path) -> None:
    """The runs `a` and `b` read from `c`, whose time counts once; seed 0 takes 1.5 hours and seed 1 nothing."""
    results = Results(tmp_path)
    for name, parents, seconds in (("a", {"c": "1"}, 1800), ("b", {"c": "1"}, 1800), ("c", {}, 1800)):
        folder = results.run("EtoH", name, 0)
        folder.path.mkdir(parents=True)
        folder.settings.write_text(yaml.safe_dump({"parents": parents, "train": {}}))
        time = results.job_time("train", f"EtoH-{name}-0")
        time.parent.mkdir(parents=True, exist_ok=True)
        time.write_text(f"s\tmax_rss\n{seconds}\t1\n")
    metrics = {"epoch": [1], "accuracy": [0.9], "control_nearest": [0.25]}
    runs = [make_run(name, metrics if name == "a" else {"epoch": [1]}, seed=seed) for name in "ab" for seed in (0, 1)]
    full = make_method("full", [0, 0, 0, 1], [0, 0, 1, 1], title="Full", runs=runs)
    other = make_method("mine", [1, 1, 1, 1], [1, 1, 1, 1])
    table = compare(results, "EtoH", [full, other], PUBLISHED)
    assert table.to_numpy().tolist() == [
        ["Full", "77.4", "87.5 ± 17.7", "nearest 25.0", "transductive", "the paper", "0.75"],
        ["mine", "", "25.0 ± 0.0", "", "transductive", "the paper", ""],
    ]
    text = to_markdown(table)
    assert text.splitlines()[2].split("|")[1:-1] == [f" {name} " for name in HEADER]
    assert "| Full | 77.4 | 87.5 ± 17.7 |" in text
    assert compare(results, "demo", [full], None)["Paper"].tolist() == [""]


def test_a_wrong_file_is_reported_with_its_key(tmp_path: Path) -> None:
    path = tmp_path / "published.yaml"
    path.write_text("source: x\naccuracy: {full: {EtoH: good}}\n")
    with pytest.raises(UserError, match=r"published\.yaml.*full\.EtoH"):
        load_published(path)

"""The documents of workflow/experiments: variants, sweeps, and which methods must be trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from i2vadapt.config.experiments import Experiment, Sweep, load_experiments, split_variant
from i2vadapt.config.methods import load_methods
from i2vadapt.config.parsing import parse
from i2vadapt.errors import UserError

WORKFLOW = Path(__file__).parents[2] / "workflow"


def mistakes(data: dict[str, Any]) -> list[str]:
    with pytest.raises(UserError) as caught:
        parse(Experiment, {"title": "T", **data}, "mine.yaml")
    return str(caught.value).splitlines()


def test_a_variant_is_a_base_and_its_settings_with_their_types() -> None:
    base, overrides = split_variant("cfb@bank.capacity=20@bank.votes=rgb@learning_rate=1e-3@shuffle=true")
    assert base == "cfb"
    assert [(part.setting, part.value) for part in overrides] == [
        ("bank.capacity", 20), ("bank.votes", "rgb"), ("learning_rate", 0.001), ("shuffle", True),
    ]  # fmt: skip
    assert [type(part.value) for part in overrides] == [int, str, float, bool]
    assert overrides[0].nested() == {"bank": {"capacity": 20}}
    assert split_variant("cfb") == ("cfb", ())


@pytest.mark.parametrize(
    "name", ["cfb@", "cfb@bank.capacity", "cfb@bank..capacity=2", "cfb@a=b c", "@a=1", "c/fb", "a@b=1/2"]
)
def test_a_malformed_variant_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="followed by any number of @setting=value"):
        split_variant(name)
    assert len(mistakes({"methods": [name]})) == 1


def test_the_points_of_a_sweep_are_variants_that_are_read_back_as_their_values() -> None:
    values = (0, 0.25, 2, "rgb", True)
    sweep = Sweep(label="x", method="cfb", setting="bank.capacity", values=values)
    assert list(sweep.points().values())[:2] == ["cfb@bank.capacity=0", "cfb@bank.capacity=0.25"]
    assert [split_variant(name)[1][0].value for name in sweep.points().values()] == list(values)


@pytest.mark.parametrize(
    ("values", "message"),
    [([1], "at least 2"), ([1, 2, 1], "1 must not be listed twice"), (["a", "b c"], "must consist of letters")],
)
def test_values_that_are_no_sweep_or_cannot_name_files_are_refused(values: list[Any], message: str) -> None:
    (line,) = mistakes({"sweeps": [{"label": "x", "method": "cfb", "setting": "bank.capacity", "values": values}]})
    assert message in line


@pytest.mark.parametrize(
    ("parts", "found"),
    [((), "none"), (("methods", "sweeps"), "methods and sweeps"), (("methods", "features"), "methods and features")],
)
def test_an_experiment_is_one_thing(parts: tuple[str, ...], found: str) -> None:
    sweep = {"label": "x", "method": "cfb", "setting": "local_weight", "values": [1, 2]}
    known = {"methods": ["cfb"], "features": ["cfb"], "sweeps": [sweep]}
    assert mistakes({part: known[part] for part in parts}) == [
        f"mine.yaml: the document: must have one of methods, sweeps and features, not {found}"
    ]


def test_all_methods_of_an_experiment_are_listed_once() -> None:
    sweep = {"method": "pace", "values": [1, 2], "label": "x"}
    sweeps = [{**sweep, "setting": "pace.weight"}, {**sweep, "setting": "pace.weight", "values": [2, 3]}]
    figure = parse(Experiment, {"title": "T", "sweeps": sweeps}, "mine")
    assert figure.all_methods() == tuple(f"pace@pace.weight={value}" for value in (1, 2, 3))
    assert (figure.suffixes, parse(Experiment, {"title": "T", "features": ["cfb"]}, "mine").suffixes) == (
        ("csv", "md", "png"),
    ) * 2
    table = parse(Experiment, {"title": "T", "methods": ["cfb", "cfb@bank.capacity=2"]}, "mine")
    assert table.all_methods() == ("cfb", "cfb@bank.capacity=2")
    assert table.suffixes == ("csv", "md", "tex", "png")


def test_the_shipped_experiments_name_methods_that_there_are() -> None:
    table, experiments = load_methods(WORKFLOW / "methods.yaml"), load_experiments(WORKFLOW / "experiments")
    assert {name for name, part in experiments.items() if part.paper} == {
        *(f"table{number}" for number in range(1, 6)), "figure4", "figure5",
    }  # fmt: skip
    for experiment in experiments.values():
        assert all(table.method(name).title for name in experiment.all_methods())


def test_mistakes_of_all_experiments_are_reported_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("title: A\n")
    (tmp_path / "b.yaml").write_text("title: B\nmethods: [x]\ncolour: red\n")
    with pytest.raises(UserError) as caught:
        load_experiments(tmp_path)
    first, second = str(caught.value).splitlines()
    assert "a.yaml" in first
    assert "b.yaml" in second


@pytest.mark.parametrize(
    "text",
    [
        "methods: [cfb@bank.capacty=3]",
        "methods: [cfb@epochs.of=3]",
        "sweeps: [{ label: N, method: cfb, setting: bank.capacty, values: [1, 2] }]",
    ],
)
def test_a_setting_that_no_recipe_has_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "mine.yaml").write_text(f"title: T\n{text}\n")
    with pytest.raises(UserError) as error:
        load_experiments(tmp_path)
    (line,) = str(error.value).splitlines()
    assert "mine.yaml: " in line
    assert "no recipe has a setting " in line

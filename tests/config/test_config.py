from __future__ import annotations

from pathlib import Path

import pytest

from i2vadapt.config.datasets import load_datasets
from i2vadapt.config.documents import Benchmark, Config
from i2vadapt.config.parsing import parse, parse_json
from i2vadapt.config.resolve import read_config, resolve
from i2vadapt.config.settings import PRESETS, Settings, merge, resolve_settings
from i2vadapt.errors import UserError

WORKFLOW = Path(__file__).parents[2] / "workflow"


def test_all_mistakes_are_reported_at_once_with_key_value_and_what_is_allowed() -> None:
    wrong = {
        "flow": {"bound": -1, "backend": "gpu"},
        "train": {"epoch": 3},
        "synthesis": {"translation": [0.02, 0.01]},
    }
    with pytest.raises(UserError) as caught:
        parse(Settings, wrong, "config.yaml")
    lines = str(caught.value).splitlines()
    assert len(lines) == 4
    text = str(caught.value)
    assert "config.yaml: flow.bound: input should be greater than 0, not -1" in text
    assert "flow.backend" in text
    assert "'opencv'" in text
    assert "'cuda'" in text
    assert "train.epoch: no such key" in text
    assert "0 <= lowest <= highest" in text


def test_a_value_that_may_have_two_forms_is_one_mistake() -> None:
    with pytest.raises(UserError) as caught:
        parse(Settings, {"decode": {"gain": -1}}, "config.yaml")
    assert str(caught.value) == (
        "config.yaml: decode.gain: input should be greater than 0, not -1, or input should be 'auto', not -1"
    )


def test_nan_is_refused() -> None:
    with pytest.raises(UserError, match="finite"):
        parse_json(Settings, '{"flow": {"tvl1": {"tau": NaN}}}', "--settings")


def test_merge_null_replaces_a_section_and_a_section_replaces_null() -> None:
    assert merge({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}) == {"a": {"b": 3, "c": 2}}
    assert merge({"a": {"b": 1}}, {"a": None}, {"a": {"c": 2}}) == {"a": {"c": 2}}


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_valid(preset: str) -> None:
    assert resolve_settings(preset, (), preset).train.epochs == 60


def test_presets_differ_where_paper_and_released_code_do() -> None:
    paper, released = (resolve_settings(name, (), name) for name in ("paper", "released"))
    assert (paper.train.loss, released.train.loss) == ("ce", "bce")
    assert (paper.train.frozen, released.train.frozen) == ("Conv3d_2c_3x3", "MaxPool3d_4a_3x3")
    assert (paper.synthesis.depth, released.synthesis.depth) == ("carried", "re-estimated")
    for preset in (paper, released):
        assert (preset.synthesis.trajectory, preset.synthesis.rendering) == ("random_walk", "chained")
        assert not preset.synthesis.sharpen_depth
    assert paper.train.pace is not None
    assert released.train.pace is not None
    assert (paper.train.pace.looping, released.train.pace.looping) == ("modulo", "restart")


def test_the_default_is_the_paper_except_for_the_generated_videos() -> None:
    default, paper = (resolve_settings(name, (), name).model_dump() for name in ("default", "paper"))
    assert default.pop("synthesis") != paper.pop("synthesis")
    assert default == paper


def test_every_shipped_benchmark_resolves_to_the_runs_of_its_methods() -> None:
    names = [file.stem for file in (WORKFLOW / "benchmarks").glob("*.yaml")]
    methods = ["so_rgb", "so_rgb_flow", "cfb", "full"]
    for preset in PRESETS:
        for name in names:
            config = parse(Config, {"benchmarks": [name], "methods": methods, "preset": preset}, "config")
            (part,) = resolve(config, WORKFLOW)
            assert list(part.methods) == methods
            assert {name: settings.stream for name, settings in part.runs.items()} == {
                "rgb": "rgb",
                "flow": "flow",
                "flow_bank": "flow",
                "rgb_pace": "rgb",
                "flow_bank_pace": "flow",
            }
            assert part.runs["flow_bank_pace"].parents == ("rgb_pace",)
            assert len([dataset for dataset in load_datasets([part]).values() if dataset.crops is None]) == 2


def test_unknown_method_and_missing_benchmark_are_both_reported() -> None:
    config = parse(Config, {"benchmarks": ["nowhere"], "methods": ["fulll"]}, "config")
    with pytest.raises(UserError) as caught:
        resolve(config, WORKFLOW)
    assert "no method 'fulll'" in str(caught.value)
    assert "nowhere.yaml" in str(caught.value)


def test_a_class_name_may_be_given_only_once() -> None:
    spec = {"dataset": "a", "root": "a"}
    document = {
        "name": "x",
        "source": spec,
        "target": {**spec, "dataset": "b"},
        "classes": {"walk": {"source": ["walk"], "target": ["Walk"]}, "run": {"source": ["WALK"], "target": ["run"]}},
    }
    with pytest.raises(UserError, match="given to both 'walk' and 'run'"):
        parse(Benchmark, document, "x.yaml")


def test_a_wrong_key_in_the_config_hides_no_other_mistake() -> None:
    document = {"preset": "papr", "methods": ["fulll"], "settings": {"flow": {"bound": -1}, "train": {"epoch": 3}}}
    with pytest.raises(UserError) as caught:
        read_config(document, WORKFLOW)
    for mistake in ("preset: ", "no method 'fulll'", "flow.bound: ", "train.epoch: no such key"):
        assert mistake in str(caught.value)


def test_features_are_drawn_of_the_methods_of_the_report_only() -> None:
    document = {"methods": ["so_rgb", "full"], "features": ["full"]}
    assert parse(Config, document, "config").features == ("full",)
    with pytest.raises(UserError, match=r"features: must be among the methods so_rgb, full"):
        parse(Config, {**document, "features": ["cfb"]}, "config")
    with pytest.raises(UserError, match=r"methods: must be a list"):
        parse(Config, {"methods": "full", "features": ["full"]}, "config")

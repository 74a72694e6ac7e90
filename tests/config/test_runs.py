"""methods.yaml: the runs that methods need, the scores that they read from each other, and mistakes in them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from i2vadapt.config.documents import Config
from i2vadapt.config.parsing import parse, read_yaml
from i2vadapt.config.recipes import frames, video
from i2vadapt.config.resolve import resolve
from i2vadapt.config.resolved import ResolvedBenchmark
from i2vadapt.config.run import RunSettings
from i2vadapt.errors import UserError

WORKFLOW = Path(__file__).parents[2] / "workflow"
TABLE = read_yaml(WORKFLOW / "methods.yaml")


def resolve_shipped(*methods: str, **config: object) -> ResolvedBenchmark:
    (part,) = resolve(parse(Config, {"benchmarks": ["EtoH"], "methods": methods, **config}, "config"), WORKFLOW)
    return part


def resolve_own(folder: Path, runs: dict[str, object], fuse: list[str], **train: object) -> ResolvedBenchmark:
    """Resolves the demo benchmark with one method that fuses the given runs."""
    table = {"runs": runs, "methods": {"mine": {"title": "Mine", "fuse": fuse}}}
    (folder / "methods.yaml").write_text(yaml.safe_dump(table))
    file = folder / "demo.yaml"
    demo = read_yaml(WORKFLOW / "benchmarks" / file.name)
    file.write_text(yaml.safe_dump({**demo, "runs": {}}))
    config = {"benchmarks": [str(file)], "methods": ["mine"], "settings": {"train": train}}
    (part,) = resolve(parse(Config, config, "config"), folder)
    return part


def video_run(settings: RunSettings) -> video.Settings:
    assert isinstance(settings, video.Settings)
    return settings


@pytest.mark.parametrize("method", TABLE["methods"])
@pytest.mark.parametrize("preset", ["default", "paper", "released"])
def test_every_shipped_method_has_the_runs_it_fuses_each_after_its_parents(method: str, preset: str) -> None:
    part = resolve_shipped(method, preset=preset)
    seen: set[str] = set()
    for name, settings in part.runs.items():
        assert set(settings.parents) <= seen
        seen.add(name)
    assert set(TABLE["methods"][method]["fuse"]) <= seen


def test_methods_that_fuse_the_same_run_share_it() -> None:
    part = resolve_shipped("so_rgb", "so_rgb_flow", "cfb", "full", "pace")
    assert list(part.runs) == ["rgb", "flow", "flow_bank", "rgb_pace", "flow_bank_pace", "flow_pace"]


def test_a_run_has_the_recipe_that_it_names() -> None:
    part = resolve_shipped("so_img", "so_rgb", settings={"train": {"epochs": 7, "pace": None}})
    assert isinstance(part.runs["image"], frames.Settings)
    assert isinstance(part.runs["rgb"], video.Settings)
    assert [settings.epochs for settings in part.runs.values()] == [20, 7]  # methods.yaml has the first


def test_a_shared_setting_changes_only_the_runs_that_use_it() -> None:
    before = resolve_shipped("so_img", "full", "so_rgb_flow").runs
    for train, changed in (
        ({"bank": {"capacity": 7}}, {"flow_bank_pace"}),
        ({"pace": {"weight": 0.7}}, {"rgb_pace"}),
        ({"local_weight": 3}, {"rgb", "rgb_pace"}),
        ({"resnet": {"weights": "r.pt"}}, {"image"}),
        ({"init": {"flow": "f.pt"}}, {"rgb", "rgb_pace", "flow", "flow_bank_pace"}),
        ({"momentum": 0.8}, set(before)),
    ):
        after = resolve_shipped("so_img", "full", "so_rgb_flow", settings={"train": train}).runs
        assert {name for name in before if before[name] != after[name]} == changed, train


def test_a_run_keeps_features_where_another_compares_them() -> None:
    part = resolve_shipped("cfb", "cfb_simw_top1")
    assert {name: settings.keep_features for name, settings in part.runs.items()} == {
        "rgb": False,
        "flow_bank": False,
        "rgb_features": True,
        "flow_bank_simw_top1": False,
    }


def test_the_benchmark_changes_single_runs() -> None:
    runs = resolve_shipped("full", "clip_full").runs
    assert (runs["rgb_pace"].epochs, runs["clip_rgb_pace"].epochs) == (60, 40)


def test_a_run_reads_the_scores_of_the_epochs_after_which_its_bank_is_refilled() -> None:
    bank = {"partner": "rgb", "warmup_epochs": 3, "delay_epochs": 1}
    settings = parse(video.Settings, {"stream": "flow", "epochs": 7, "evaluate_every": 5, "bank": bank}, "test")
    assert settings.epochs_read() == {4, 5, 6}
    assert settings.scored_epochs() == {4, 5, 6, 7}
    late = parse(video.Settings, {"epochs": 7, "evaluate_every": 2, "evaluate_from": 3}, "test")
    assert late.scored_epochs() == {4, 6, 7}
    rgb = parse(video.Settings, {"epochs": 7, "evaluate_every": 5, "bank": bank}, "test")
    assert (rgb.parents, rgb.epochs_read(), rgb.scored_epochs()) == ((), set(), {5, 7})


RGB = {"stream": "rgb", "pace": None}
FLOW = {"stream": "flow", "pace": None, "bank": {"partner": "rgb"}}


@pytest.mark.parametrize(
    ("runs", "fuse", "train", "message"),
    [
        ({"rgb": RGB}, ["rgbb"], {}, "methods.mine.fuse: no run 'rgbb'; there are rgb"),
        ({"flow": FLOW}, ["flow"], {}, "flow reads the scores of 'rgb'; there are flow"),
        (
            {"rgb": {**FLOW, "bank": {"partner": "flow"}}, "flow": FLOW},
            ["flow"],
            {},
            "flow reads rgb reads flow: a run cannot read its own scores",
        ),
        ({"rgb": RGB, "other": RGB}, ["rgb", "other"], {}, "fuse: rgb, other: two runs of the same stream"),
        (
            {"rgb": {**RGB, "protocol": "split1"}, "flow": {**FLOW, "bank": None}},
            ["rgb", "flow"],
            {},
            "fuse: rgb, flow: tested on different videos",
        ),
        (
            {"rgb": {**RGB, "protocol": "split1"}, "flow": FLOW},
            ["flow"],
            {},
            "run flow: protocol and split1 differ from those of rgb",
        ),
        (
            {"rgb": RGB, "flow": FLOW},
            ["rgb", "flow"],
            {"evaluate_every": 3},
            "run flow: needs the scores of rgb after epoch 2, but rgb does not score it: evaluate_every is 3,"
            " evaluate_from 2, epochs 4",
        ),
        (
            {"rgb": {**FLOW, "bank": None}, "flow": {**FLOW, "bank": {"partner": "rgb", "strategy": "simw_top1"}}},
            ["flow"],
            {},
            "run flow: bank.strategy compares RGB features: rgb is a flow run",
        ),
        (
            {"rgb": RGB, "flow": {**FLOW, "bank": {"partner": "rgb", "strategy": "simw_top1"}}},
            ["flow"],
            {},
            "run flow: bank.strategy compares features: rgb must have keep_features: true",
        ),
        (
            {"flow": {"stream": "flow", "pace": None, "bank": {"votes": "agreement"}}},
            ["flow"],
            {},
            "bank.votes agreement needs two streams: bank.partner must name an RGB run",
        ),
        (
            {"rgb": {}, "student": {"recipe": "pseudo_labels", "teacher": {"run": "rgb"}}},
            ["student"],
            {},
            "run student: teacher.select: frames"
            " needs a run of i3d_frames, clip_vit_b32, resnet18, resnet50, but rgb has"
            " network i3d",
        ),
        (
            {"student": {"recipe": "pseudo_labels", "teacher": {"run": "nobody"}}},
            ["student"],
            {},
            "student reads the scores of 'nobody'; there are student",
        ),
        (
            {"rgb": {}, "meda": {"recipe": "meda", "features": {"images": "rgb"}}},
            ["meda"],
            {},
            "run meda: features.images"
            " needs a run of i3d_frames, clip_vit_b32, resnet18, resnet50, but rgb has network i3d",
        ),
        (
            {"rgb": {}, "crops": {"crops_by": "rgb"}},
            ["crops"],
            {},
            "run crops: crops_by needs a run of i3d_frames, resnet18, resnet50, but rgb has network i3d",
        ),
        (
            {"rgb": {"recipe": "magic"}},
            ["rgb"],
            {},
            "run rgb: recipe: must be one of frames, higan, meda, pretrained, pseudo_labels, symgan, video,",
        ),
        ({"rgb": {"steam": "rgb"}}, ["rgb"], {}, "run rgb: steam: no such key"),
    ],
)
def test_a_mistake_in_the_runs_is_one_line(
    tmp_path: Path, runs: dict[str, object], fuse: list[str], train: dict[str, object], message: str
) -> None:
    with pytest.raises(UserError) as caught:
        resolve_own(tmp_path, runs, fuse, **train)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_strategy_that_compares_features_needs_a_partner(tmp_path: Path) -> None:
    flow = {**FLOW, "bank": {"strategy": "simw_top1"}}
    with pytest.raises(UserError, match=r"bank\.partner must name an RGB run"):
        resolve_own(tmp_path, {"flow": flow}, ["flow"])


def test_the_upper_bound_learns_only_from_the_target() -> None:
    run = video_run(resolve_shipped("supervised").runs["supervised_flow"])
    assert run.source_items == "none"
    assert (run.parents, run.bank_used, run.has_pace_head) == ((), None, False)

"""What methods need, and what sharing saves, counted without data and without measuring."""

from __future__ import annotations

from pathlib import Path

import pytest

from i2vadapt.config.documents import Config
from i2vadapt.config.experiments import Experiment, load_experiments
from i2vadapt.config.resolve import resolve
from i2vadapt.config.resolved import ResolvedBenchmark
from i2vadapt.errors import UserError
from i2vadapt.pipeline.plan.needs import Needs, choose_experiments, find_needs

WORKFLOW = Path(__file__).parents[2] / "workflow"


@pytest.fixture(scope="module")
def e_to_h() -> ResolvedBenchmark:
    return resolve(Config(benchmarks=("EtoH",), methods=("full",)), WORKFLOW)[0]


@pytest.fixture(scope="module")
def known() -> dict[str, Experiment]:
    return load_experiments(WORKFLOW / "experiments")


def needs_of(part: ResolvedBenchmark, seeds: tuple[int, ...], **experiment: object) -> Needs:
    return find_needs(part, [Experiment.model_validate({"title": "a table", **experiment})], seeds)


def stages_of(needs: Needs) -> list[tuple[str, str]]:
    return [(branch, stage.name) for branch, stage in needs.stages]


def test_methods_share_runs_and_each_counts_once_a_seed(e_to_h: ResolvedBenchmark) -> None:
    needs = needs_of(e_to_h, (3, 4), methods=["so_rgb", "so_rgb_flow", "cfb"])
    assert dict(needs.seeds) == {"rgb": 2, "flow": 2, "flow_bank": 2}
    assert dict(needs.alone) == {"rgb": 6, "flow": 2, "flow_bank": 2}


def test_several_targets_share_runs_too(e_to_h: ResolvedBenchmark, known: dict[str, Experiment]) -> None:
    both = find_needs(e_to_h, choose_experiments(["table2", "table5"], known), (0,))
    alone = [find_needs(e_to_h, choose_experiments([name], known), (0,)) for name in ("table2", "table5")]
    assert set(both.runs) == set(alone[0].runs) | set(alone[1].runs)
    assert len(both.runs) < len(alone[0].runs) + len(alone[1].runs)  # rgb and the full model
    assert len(both.methods) == len({*alone[0].methods, *alone[1].methods})


def test_a_point_of_a_sweep_that_changes_nothing_is_no_training(e_to_h: ResolvedBenchmark) -> None:
    sweep = {"label": "N", "method": "cfb", "setting": "bank.capacity", "values": [20, 60]}  # 60 is the default
    needs = needs_of(e_to_h, (0,), sweeps=[sweep])
    assert set(needs.runs) == {"rgb", "flow_bank", "flow_bank@bank.capacity=20"}
    assert sum(needs.alone.values()) == 4


def test_photographs_are_cropped_by_seed_0_alone(e_to_h: ResolvedBenchmark) -> None:
    needs = needs_of(e_to_h, (1, 2), methods=["st_i2v"])
    assert dict(needs.seeds) == {"image": 1, "st_i2v": 2}
    with_image = needs_of(e_to_h, (1, 2), methods=["st_i2v", "so_img"])
    assert dict(with_image.seeds) == {"image": 3, "st_i2v": 2}
    assert stages_of(needs) == [("crops", "crop"), ("target", "decode")]


def test_stages_are_those_whose_shards_are_read(e_to_h: ResolvedBenchmark) -> None:
    source = [("source", "depth"), ("source", "synthesize")]
    assert stages_of(needs_of(e_to_h, (0,), methods=["so_img"])) == [("target", "decode")]
    assert stages_of(needs_of(e_to_h, (0,), methods=["so_rgb"])) == [*source, ("target", "decode")]
    with_flow = [*source, ("source", "flow"), ("target", "decode"), ("target", "flow")]
    assert stages_of(needs_of(e_to_h, (0,), methods=["full"])) == with_flow


def test_features_are_computed_once_for_all_estimators(e_to_h: ResolvedBenchmark) -> None:
    needs = needs_of(e_to_h, (0, 1), methods=["higan", "symgan"])
    assert dict(needs.features) == {"i3d_pretrained": 2, "image_jan": 2, "image_pretrained": 2}
    assert dict(needs_of(e_to_h, (0, 1), features=["cfb"]).features) == {"rgb": 1, "flow_bank": 1}  # of one seed


def test_the_paper_is_all_of_its_tables_and_figures(known: dict[str, Experiment]) -> None:
    chosen = choose_experiments(["paper"], known)
    assert chosen == [experiment for experiment in known.values() if experiment.paper]
    assert choose_experiments(["table2", "paper"], known) == chosen
    assert choose_experiments([], known) == []


def test_an_unknown_target_is_one_line(known: dict[str, Experiment]) -> None:
    with pytest.raises(UserError) as error:
        choose_experiments(["table9"], known)
    (line,) = str(error.value).splitlines()
    assert line.startswith("no target 'table9'; there are figure4, ")
    assert line.endswith(", paper")

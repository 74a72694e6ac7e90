"""What methods need, and what sharing saves, counted without data and without measuring."""

from __future__ import annotations

from pathlib import Path

import pytest

from i2vadapt.config.documents import Config
from i2vadapt.config.experiments import Experiment, load_experiments
from i2vadapt.config.resolve import resolve
from i2vadapt.config.resolved import ResolvedBenchmark
from i2vadapt.errors import UserError
from i2vadapt.pipeline.plan.needs import Needs, find_needs
from i2vadapt.pipeline.targets import choose_targets, seeds_of_runs

WORKFLOW = Path(__file__).parents[2] / "workflow"


@pytest.fixture(scope="module")
def e_to_h() -> ResolvedBenchmark:
    return resolve(Config(benchmarks=("EtoH",), methods=("full",)), WORKFLOW)[0]


@pytest.fixture(scope="module")
def known() -> dict[str, Experiment]:
    return load_experiments(WORKFLOW / "experiments")


def needs_of(part: ResolvedBenchmark, seeds: tuple[int, ...], **experiment: object) -> Needs:
    known = {"mine": Experiment.model_validate({"title": "a table", **experiment})}
    return needs_of_targets(part, known, ["mine"], seeds)


def needs_of_targets(
    part: ResolvedBenchmark, known: dict[str, Experiment], names: list[str], seeds: tuple[int, ...] = (0,)
) -> Needs:
    targets = choose_targets(names, [part], known, seeds)
    return find_needs(targets.benchmarks[0], targets)


def stages_of(needs: Needs) -> list[tuple[str, str]]:
    return [(branch, stage.name) for branch, stage in needs.stages]


def test_methods_share_runs_and_each_counts_once_a_seed(e_to_h: ResolvedBenchmark) -> None:
    needs = needs_of(e_to_h, (3, 4), methods=["so_rgb", "so_rgb_flow", "cfb"])
    assert dict(needs.seeds) == {"rgb": 2, "flow": 2, "flow_bank": 2}
    assert dict(needs.alone) == {"rgb": 6, "flow": 2, "flow_bank": 2}


def test_several_targets_share_runs_too(e_to_h: ResolvedBenchmark, known: dict[str, Experiment]) -> None:
    both = needs_of_targets(e_to_h, known, ["table2", "table5"])
    alone = [needs_of_targets(e_to_h, known, [name]) for name in ("table2", "table5")]
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


def test_features_that_the_report_draws_are_computed_once_with_the_first_seed(known: dict[str, Experiment]) -> None:
    config = Config(benchmarks=("EtoH",), methods=("so_rgb", "full"), features=("so_rgb", "full"))
    (part,) = resolve(config, WORKFLOW)
    assert dict(needs_of_targets(part, known, [], (0, 1)).features) == {"rgb": 1, "rgb_pace": 1, "flow_bank_pace": 1}
    assert dict(needs_of_targets(part, known, ["full"], (0, 1)).features) == {}  # without a report


def test_the_paper_is_all_of_its_tables_and_figures(e_to_h: ResolvedBenchmark, known: dict[str, Experiment]) -> None:
    chosen = choose_targets(["paper"], [e_to_h], known, (0,))
    assert list(chosen.experiments.values()) == [experiment for experiment in known.values() if experiment.paper]
    assert choose_targets(["table2", "paper"], [e_to_h], known, (0,)).experiments == chosen.experiments
    nothing = choose_targets([], [e_to_h], known, (0,))
    assert (nothing.experiments, nothing.reports, nothing.benchmarks[0].chosen) == ({}, True, ("full",))


def test_methods_and_their_variants_are_targets_beside_tables(
    e_to_h: ResolvedBenchmark, known: dict[str, Experiment]
) -> None:
    needs = needs_of_targets(e_to_h, known, ["so_rgb", "cfb@bank.capacity=20"])
    assert set(needs.runs) == {"rgb", "flow_bank@bank.capacity=20"}
    assert set(needs_of_targets(e_to_h, known, ["table4", "so_rgb"]).methods) == {*known["table4"].methods, "so_rgb"}


def test_crops_are_by_the_classifier_of_seed_0_alone(e_to_h: ResolvedBenchmark) -> None:
    assert seeds_of_runs(e_to_h, ["st_i2v"], (1, 2)) == {"st_i2v": {1, 2}, "image": {0}}


def test_an_unknown_target_is_one_line(e_to_h: ResolvedBenchmark, known: dict[str, Experiment]) -> None:
    with pytest.raises(UserError) as error:
        choose_targets(["table9"], [e_to_h], known, (0,))
    (line,) = str(error.value).splitlines()
    assert line.startswith("no target 'table9'; there are figure4, ")
    assert ", paper and the methods so_img, " in line

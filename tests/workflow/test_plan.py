from __future__ import annotations

from pathlib import Path

import pytest
from small_project import DATA_JOBS, Project

from i2vadapt import stages
from i2vadapt.config.experiments import load_experiments
from i2vadapt.config.parsing import read_yaml
from i2vadapt.config.resolve import read_config
from i2vadapt.pipeline.plan.measured import measuring
from i2vadapt.pipeline.plan.needs import find_needs
from i2vadapt.pipeline.plan.plan import make_plan
from i2vadapt.pipeline.plan.table import describe
from i2vadapt.pipeline.plan.written import Written
from i2vadapt.pipeline.targets import PAPER, choose_targets


def test_the_plan_has_the_jobs_and_the_bytes_of_the_workflow(
    finished: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(finished.folder)
    config, benchmarks = read_config({**read_yaml(Path("config.yaml")), "methods": ["cfb"]}, Path("workflow"))
    targets = choose_targets([], benchmarks, {}, config.seeds)
    with measuring(2) as prices:
        plan = make_plan(targets, prices)
        written = make_plan(targets, Written(prices.written("a test"), Path("rates.yaml")))
    rows = plan.rows
    jobs = dict.fromkeys([row.stage for row in rows], 0)
    for row in rows:
        jobs[row.stage] += row.jobs
        assert row.seconds is not None
        assert row.seconds > 0 or row.stage == "fuse"
        stage = stages.by_name(row.stage)
        if stage is not None:
            assert row.items == {"my-photos": 8, "my-videos": 6}[row.name]
            shards = (finished.folder / "results" / "datasets" / row.name / str(stage.kind)).glob("*.h5")
            tables = 6000  # bytes of a shard beside its items, which weigh here and nowhere else
            assert row.size == pytest.approx(sum(path.stat().st_size - tables for path in shards), rel=0.3)
    assert jobs == {**DATA_JOBS, "train": 2, "fuse": 1}
    assert [row.name for row in rows if row.stage == "train"] == ["mine, rgb", "mine, flow_bank"]
    (whole,) = (line for line in describe(plan, []) if line.startswith("all"))
    assert whole.split()[:2] == ["all", str(sum(jobs.values()))]
    for row, other in zip(rows, written.rows, strict=True):  # the document that the measurements are written to
        assert (other.stage, other.name, other.jobs) == (row.stage, row.name, row.jobs)
        assert other.seconds == pytest.approx(row.seconds, rel=0.01)
        assert other.size == pytest.approx(row.size, rel=0.05)


def test_the_features_of_a_report_are_jobs_of_both(fresh: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = fresh.plan("--config", "features=[full]", "seeds=[1,2]")
    monkeypatch.chdir(fresh.folder)
    _, benchmarks = read_config({**read_yaml(Path("config.yaml")), "features": ["full"]}, Path("workflow"))
    targets = choose_targets([], benchmarks, {}, (1, 2))
    assert jobs["video_features"] == sum(find_needs(benchmarks[0], targets).features.values()) == 2


def test_the_jobs_of_the_paper_are_those_that_snakemake_counts(fresh: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = fresh.plan(PAPER, "--config", "seeds=[1,2]")  # without seed 0, whose classifier crops all the same
    monkeypatch.chdir(fresh.folder)
    _, benchmarks = read_config(read_yaml(Path("config.yaml")), Path("workflow"))
    targets = choose_targets([PAPER], benchmarks, load_experiments(Path("workflow", "experiments")), (1, 2))
    needs = find_needs(targets.benchmarks[0], targets)
    assert sum(needs.seeds.values()) == jobs["train"]
    assert sum(needs.features.values()) == jobs["features"] + jobs["video_features"]
    assert 2 * len(needs.methods) == jobs["fuse"]
    assert {stage.name for _, stage in needs.stages} == {
        stage.name for stage in stages.PREPROCESSING if stage.name in jobs
    }

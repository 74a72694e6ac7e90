from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from i2vadapt.files import superseded
from i2vadapt.layout import Results
from i2vadapt.pipeline.outputs import note_finished, prepare_outputs, unfinished_outputs


@dataclass
class Job:
    """A job of Snakemake, as far as its outputs matter."""

    output: list[str]


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Results:
    """An empty results folder, relative to the working directory like Snakemake's paths."""
    monkeypatch.chdir(tmp_path)
    return Results(Path("results"))


def make(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(path.name)
    return path


def test_outputs_that_were_not_made_stay_known_until_they_are(results: Results) -> None:
    shards = results.dataset("photos").shards("frames", 3)
    page = results.report("mine").page
    make(shards[0]), make(page)
    prepare_outputs(results, [Job([str(path)]) for path in (*shards, page)])
    assert unfinished_outputs(results, {*shards, page}) == shards[1:]
    assert unfinished_outputs(results, {shards[2]}) == [shards[2]]  # the others are not of this configuration
    make(shards[1])
    prepare_outputs(results, [Job([str(page)])])  # a run of another target forgets nothing
    assert unfinished_outputs(results, {*shards}) == [shards[2]]
    note_finished(results)
    assert unfinished_outputs(results, {*shards}) == [shards[2]]
    make(shards[2])
    note_finished(results)
    assert unfinished_outputs(results, {*shards}) == []
    assert not results.unfinished.exists()


def test_shards_and_trained_runs_are_set_aside_and_nothing_else(results: Results) -> None:
    shard, run = results.dataset("photos").shard("flow", "0000"), results.run("mine", "rgb", 0)
    unfinished, page = results.run("mine", "flow", 0), results.report("mine").page
    features = results.features("mine", "rgb", 0)
    for path in (
        shard,
        run.checkpoint,
        run.metrics,
        run.scores(1),
        unfinished.state,
        unfinished.metrics,
        page,
        features,
    ):
        make(path)
    jobs = [[shard], [run.checkpoint, run.metrics], [unfinished.checkpoint, unfinished.metrics], [page, features]]
    prepare_outputs(results, [Job([*map(str, outputs)]) for outputs in jobs])
    assert [version.read_text() for version in superseded.earlier(shard)] == ["0000.h5"]
    (version,) = superseded.earlier(run.path)
    assert {path.name for path in version.rglob("*.*")} == {"checkpoint.pt", "metrics.csv", "0001.safetensors"}
    assert len(results.superseded()) == 2

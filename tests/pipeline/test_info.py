"""The command info, on a tiny results folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from tiny_results import write_results

from i2vadapt.cli import main
from i2vadapt.layout import Results


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return write_results(tmp_path_factory.mktemp("info"), labelled=True)


def info(capsys: pytest.CaptureFixture[str], path: Path) -> dict[str, Any]:
    """What is printed as JSON; the text says the same but for what is empty."""
    assert main(["info", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert main(["info", str(path)]) == 0
    assert yaml.safe_load(capsys.readouterr().out) == {
        key: value for key, value in found.items() if value not in (None, {}, [])
    }
    return dict(found)


def test_a_shard_and_its_dataset(results: Results, capsys: pytest.CaptureFixture[str]) -> None:
    folder = results.dataset("photographs")
    shards = [info(capsys, path) for path in folder.shards("flow", 2)]
    assert [shard["kind"] for shard in shards] == ["shard of flow"] * 2
    assert sum(shard["items"] for shard in shards) == 8
    assert [shard["frames"] for shard in shards] == [15 * shard["items"] for shard in shards]
    assert {key: why for shard in shards for key, why in shard["failed"].items()} == {"0/1.png": "does not decode"}
    assert shards[0]["provenance"]["settings"] == {"bound": 20.0}
    found = info(capsys, folder.path)
    assert (found["kind"], found["items"], found["shards"]) == ("dataset", 9, 2)
    assert found["excluded"] == {"duplicate": 2, "not an image by its suffix": 1}
    assert found["flow"]["shards"] == 2


def test_runs_methods_and_scores(results: Results, capsys: pytest.CaptureFixture[str]) -> None:
    run = results.run("tiny", "rgb", 0)
    found = info(capsys, run.path)
    assert (found["kind"], found["state"], found["epochs"], found["scored_epochs"]) == ("run", "unfinished", 4, 2)
    scores = info(capsys, run.scores(4))
    assert (scores["kind"], scores["epoch"], scores["videos"]) == ("scores", 4, 6)
    assert scores["accuracy"] == pytest.approx(3 / 6)
    method = info(capsys, results.method("tiny", "full", 0).path)
    assert (method["kind"], method["title"], method["videos"]) == ("method", "Full model", 6)


def test_what_is_none_of_these(results: Results, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.txt").write_text("text")
    for path in (tmp_path, tmp_path / "a.txt", tmp_path / "none"):
        assert main(["info", str(path)]) == 1
        assert len(capsys.readouterr().err.splitlines()) == 1

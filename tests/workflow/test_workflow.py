"""The real Snakefile, from photographs and videos to the report."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from small_project import CONFIG, DATA_JOBS, RUNS, Project, write_photograph

from i2vadapt.data.items import read_items, shard_of
from i2vadapt.data.shards.reader import ShardReader
from i2vadapt.layout import Results

TRAINED = {"train": 3, "fuse": 2, "report": 1}
FULL_TRAINED = {"train": 1, "fuse": 1, "report": 1}
"""The flow run alone, and what reads it."""
RECORDED = Path(__file__).with_name("recorded.json")


@contextmanager
def config(project: Project, text: str) -> Iterator[None]:
    """Another config.yaml for a while."""
    path = project.folder / "config.yaml"
    old = path.read_text()
    path.write_text(text)
    try:
        yield
    finally:
        path.write_text(old)


def test_a_whole_run_ends_with_a_table_and_a_report(finished: Project) -> None:
    output = (finished.folder / "output.txt").read_text()
    report = finished.folder / "results" / "reports" / "mine"
    assert "Using workflow specific profile profiles/default" in output
    assert "Report: results/reports/mine/report.html" in output
    assert (report / "accuracy.md").read_text().strip() in output
    with (report / "accuracy.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["method"] for row in rows] == ["so_rgb", "full"]
    assert (report / "report.html").stat().st_size > 20_000
    assert {path.name for path in report.glob("*.png")} >= {"confusion.png", "curves.png", "flow_target.png"}
    results = Results(finished.folder / "results")
    for name in RUNS:
        run = results.run("mine", name, 0)
        assert {path.name for path in run.path.iterdir()} >= {
            *("checkpoint.pt", "metrics.csv", "settings.yaml", "scores.csv", "scores", "events")
        }
        assert not run.state.exists()
        assert run.pace_counts.exists() == (name == "rgb_pace")
    method = results.method("mine", "full", 0)
    with method.predictions.open(newline="") as file:
        predictions = list(csv.DictReader(file))
    assert sorted(row["class"] for row in predictions) == ["run"] * 3 + ["walk"] * 3
    description = yaml.safe_load(method.description.read_text())
    assert description["title"] == "Full model"
    assert [run["name"] for run in description["runs"]] == ["rgb_pace", "flow_bank_pace"]


def test_the_shards_hold_every_item_once(finished: Project) -> None:
    results = finished.folder / "results" / "datasets"
    for dataset, stages, shards in (
        ("my-photos", ("depth", "frames", "flow"), 2),
        ("my-videos", ("frames", "flow"), 1),
    ):
        items = {item.id: item.label for item in read_items(results / dataset / "manifest.csv")}
        for stage in stages:
            readers = [ShardReader(results / dataset / stage / f"{part:04d}.h5", stage) for part in range(shards)]
            held = {
                item_id: int(label)
                for reader in readers
                for item_id, label in zip(reader.ids, reader.labels, strict=True)
            }
            assert held == items
            assert sum(map(len, readers)) == len(items)
    assert not list(results.rglob("*.partial"))


def test_the_environment_needs_not_be_activated(finished: Project) -> None:
    (folder := finished.folder / "empty").mkdir()
    (folder / "python").symlink_to("/bin/false")  # another Python, that lacks the package
    done = subprocess.run(
        finished.command("--forcerun", "report"),
        cwd=finished.folder,
        env={**os.environ, "PATH": f"{folder}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    shutil.rmtree(folder)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_second_run_and_a_comment_do_nothing(finished: Project) -> None:
    with config(finished, f"# Nothing that matters.\n{CONFIG}\nseeds: [0]  # the default\n"):
        assert "Nothing to be done" in finished.succeed()


CHANGES: dict[str, tuple[str, dict[str, int]]] = {
    "train": ("{ train: { weight_decay: 0.1 } }", TRAINED),
    "bank": ("{ train: { bank: { capacity: 3 } } }", FULL_TRAINED),
    "pace": (
        "{ train: { pace: { weight: 0.3 } } }",
        {"train": 2, "fuse": 1, "report": 1},  # rgb_pace, and flow_bank_pace, which reads its scores
    ),
    "flow": ("{ flow: { tvl1: { lambda_: 0.2 } } }", {"flow": 3, **FULL_TRAINED}),  # RGB runs read no flow
    "exact flow": ("{ flow: { source: geometric } }", {"flow": 2, **FULL_TRAINED}),  # real videos keep TV-L1
    "synthesis": ("{ synthesis: { quality: 80 } }", {"synthesize": 2, "flow": 2, **TRAINED}),
    "decode": ("{ decode: { quality: 80 } }", {"decode": 1, "flow": 1, **TRAINED}),
    "min_frames": (
        "{ decode: { min_frames: 3 } }",
        {"manifest_my-videos": 1, "decode": 1, "flow": 1, **TRAINED},
    ),
    "depth": ("{ depth: { checkpoint: mine.yaml } }", {"depth": 2, "synthesize": 2, "flow": 2, **TRAINED}),
    "max_failed_share": ("{ max_failed_share: 0.5 }", {}),
}


@pytest.mark.parametrize(("change", "expected"), CHANGES.values(), ids=CHANGES)
def test_a_changed_setting_redoes_what_depends_on_it_and_nothing_else(
    finished: Project, change: str, expected: dict[str, int]
) -> None:
    with config(finished, f"{CONFIG}\nsettings: {change}\n"):
        assert finished.plan() == expected


def test_another_seed_trains_every_run_with_it(finished: Project) -> None:
    with config(finished, f"{CONFIG}\nseeds: [0, 1]\n"):
        assert finished.plan() == TRAINED


def test_another_method_trains_only_the_runs_that_are_not_there(finished: Project) -> None:
    with config(finished, CONFIG.replace("full", "full, so_rgb_flow, pace")):
        assert finished.plan() == {"train": 2, "fuse": 2, "report": 1}  # flow and flow_pace
    with config(finished, CONFIG.replace("so_rgb, ", "")):
        assert finished.plan() == {"report": 1}


def test_another_title_fuses_anew_and_trains_nothing(finished: Project) -> None:
    path = finished.folder / "workflow" / "methods.yaml"
    text = path.read_text()
    path.write_text(text.replace("title: Full model", 'title: "Ours (it\'s new) + $PATH"'))
    try:
        assert finished.plan() == {"fuse": 1, "report": 1}
    finally:
        path.write_text(text)


# If this test fails, the workflow makes every finished shard of its users again: be sure that it should.
def test_snakemake_records_of_a_shard_what_it_recorded_in_earlier_versions(finished: Project) -> None:
    folder = finished.folder / ".snakemake" / "metadata"
    for output, expected in json.loads(RECORDED.read_text()).items():
        record = json.loads((folder / b64encode(output.encode()).decode()).read_text())
        params = [value for value in record["params"] if not re.fullmatch(r"'[0-9a-f]{8}'", value)]  # of the items
        assert {"code": record["code"], "params": params, "input": record["input"]} == expected


def test_a_photograph_more_redoes_one_shard(finished: Project, copy: Project) -> None:
    name = "walking/new one.png"
    shard = shard_of(name, 2)
    new = finished.folder / "my photos" / name
    write_photograph(new, 77)
    try:
        plan = finished.plan()
        with config(finished, f"{CONFIG}\nsettings: {{ flow: {{ quality: 80 }} }}\n"):
            with_other_flow = finished.plan()
    finally:
        new.unlink()
    assert plan == {"manifest_my-photos": 1, "depth": 1, "synthesize": 1, "flow": 1, **TRAINED}
    # A setting changed at the same time is not lost; the other shard's depth is looked at and found up to date.
    assert with_other_flow == {"manifest_my-photos": 1, "depth": 2, "synthesize": 2, "flow": 3, **TRAINED}
    results = copy.folder / "results" / "datasets"
    before = {path: path.stat().st_mtime_ns for path in results.rglob("*.h5")}
    write_photograph(copy.folder / "my photos" / name, 77)
    copy.succeed("datasets")
    changed = sorted(
        path.relative_to(results).as_posix() for path, time in before.items() if path.stat().st_mtime_ns != time
    )
    assert changed == [f"my-photos/{stage}/{shard:04d}.h5" for stage in ("depth", "flow", "frames")]
    assert name in {item.id for item in read_items(results / "my-photos" / "manifest.csv")}
    assert name in ShardReader(results / "my-photos" / "flow" / f"{shard:04d}.h5").ids
    # The photographs that were there before are the same to the byte.
    frames = f"results/datasets/my-photos/frames/{shard:04d}.h5"
    old, now = (ShardReader(project.folder / frames) for project in (finished, copy))
    assert all(now.encoded(now.index(item_id)) == old.encoded(old.index(item_id)) for item_id in old.ids)


def test_cores_profile_and_readme_redo_nothing(finished: Project) -> None:
    (finished.folder / "README.md").write_text("other words")
    assert finished.plan("--cores", "1", "--workflow-profile", "none") == {}


def test_a_project_in_another_folder_redoes_nothing(copy: Project) -> None:
    assert copy.plan("datasets") == {}


def test_the_command_that_verify_prints_repairs_what_it_found(copy: Project, finished: Project) -> None:
    folder = copy.folder / "results" / "datasets"
    depth, flow = folder / "my-photos" / "depth" / "0001.h5", folder / "my-videos" / "flow" / "0000.h5"
    os.truncate(depth, depth.stat().st_size // 2)
    content = flow.read_bytes()
    flow.write_bytes(content[:3000] + bytes(200) + content[3200:])
    verify = [sys.executable, "-m", "i2vadapt", "verify", "results"]
    found = subprocess.run(verify, cwd=copy.folder, stdout=subprocess.PIPE, text=True, check=False)
    assert found.returncode == 1
    command = shlex.split(found.stdout.splitlines()[-1].partition("to repair: snakemake ")[2])
    assert {argument for argument in command if argument.endswith(".h5")} == {
        path.relative_to(copy.folder).as_posix() for path in (depth, flow)
    }
    copy.succeed("datasets", *command)
    assert subprocess.run(verify, cwd=copy.folder, stdout=subprocess.DEVNULL, check=False).returncode == 0
    assert copy.shards() == finished.shards()


def test_a_photograph_removed_changed_or_renamed_redoes_its_shards_and_its_times_nothing(finished: Project) -> None:
    old = finished.folder / "my photos" / "walking" / "walking 0.png"
    new = old.with_name("renamed.png")
    content = old.read_bytes()

    def stages(*names: Path) -> dict[str, int]:
        count = len({shard_of(f"walking/{path.name}", 2) for path in names})
        return {"manifest_my-photos": 1, "depth": count, "synthesize": count, "flow": count, **TRAINED}

    try:
        for time in (0, 2_000_000_000):  # as with a clock that went back, or was ahead
            os.utime(old, (time, time))
            assert finished.plan() == {}
        old.write_bytes(content + b"more")
        assert finished.plan() == stages(old)
        old.rename(new)
        new.write_bytes(content)
        assert finished.plan() == stages(old, new)
        new.unlink()
        assert finished.plan() == stages(old)
    finally:
        new.unlink(missing_ok=True)
        old.write_bytes(content)
    assert finished.plan() == {}


def test_a_clock_that_went_back_a_day_neither_hides_a_change_nor_redoes_more(copy: Project, tmp_path: Path) -> None:
    straight = Project(tmp_path / "straight")
    shutil.copytree(copy.folder, straight.folder, symlinks=True)
    for path in copy.folder.rglob("*"):
        if path.is_file() and not path.is_relative_to(copy.folder / "src"):
            ahead = path.stat().st_mtime + 86400
            os.utime(path, (ahead, ahead))
    assert copy.plan("datasets") == {}
    for project in (copy, straight):
        write_photograph(project.folder / "my photos" / "walking" / "walking 0.png", 78)
    expected = {"manifest_my-photos": 1, "depth": 1, "synthesize": 1, "flow": 1}
    assert [copy.plan("datasets"), straight.plan("datasets")] == [expected, expected]
    for project in (copy, straight):
        project.succeed("datasets")
        assert project.plan("datasets") == {}
    assert copy.shards() == straight.shards()


def test_mistakes_of_the_configuration_are_reported_at_once(finished: Project) -> None:
    cases = {
        "benchmark: [mine.yaml]\nseeds: [-1]\npreset: papr": [
            "config.yaml: benchmark: no such key",
            "config.yaml: seeds.0: input should be greater than or equal to 0, not -1",
            "config.yaml: preset: input should be 'default', 'paper' or 'released', not 'papr'",
        ],
        f"{CONFIG.replace('full', 'fulll')}\nsettings: {{ flow: {{ bound: 0 }}, trian: {{}} }}": [
            "methods: no method 'fulll' in methods.yaml; there are so_img, dann, jan, ",
            "flow.bound: input should be greater than 0, not 0",
            "trian: no such key",
        ],
    }
    for text, messages in cases.items():
        with config(finished, text):
            result = finished.run("-n")
        assert result.returncode != 0
        assert "Traceback" not in result.stdout
        for message in messages:
            assert len(re.findall(re.escape(message), result.stdout)) == 1, result.stdout


def test_snakemakes_own_report(finished: Project) -> None:
    finished.succeed("--report", "report.html")
    page = (finished.folder / "report.html").read_text()
    for name in (
        "accuracy",
        "confusion",
        "classes",
        "curves",
        "photographs",
        "generated",
        "flow_source",
        "flow_target",
    ):
        assert f'"name": "{name}.png"' in page


def test_the_number_of_jobs_is_known_beforehand(fresh: Project) -> None:
    assert fresh.plan() == {"manifest_my-photos": 1, "manifest_my-videos": 1, **DATA_JOBS, **TRAINED}


@pytest.mark.parametrize(
    ("method", "rule", "file"),
    [
        ("clip_so_rgb", "clip_weights", "clip-vit-b32.pt"),
        ("mvit_so_rgb", "torchvision_weights", "mvit_v2_s-kinetics400.pth"),
    ],
)
def test_the_weights_of_a_network_are_fetched_once(fresh: Project, method: str, rule: str, file: str) -> None:
    with config(fresh, CONFIG.replace("so_rgb", method)):
        assert fresh.plan()[rule] == 1
        weights = fresh.folder / "weights" / file
        weights.parent.mkdir()
        weights.touch()
        assert rule not in fresh.plan()
    shutil.rmtree(weights.parent)


def test_published_depth_weights_are_fetched_once_and_only_where_none_are_given(fresh: Project) -> None:
    planned = {"manifest_my-photos": 1, "manifest_my-videos": 1, **DATA_JOBS, **TRAINED}
    weights = fresh.folder / "weights" / "dpt_large_384.pt"
    with config(fresh, f"{CONFIG}\nsettings: {{ depth: {{ model: dpt_large_384 }} }}\n"):
        assert fresh.plan() == {**planned, "depth_weights": 1}
        weights.parent.mkdir()
        weights.touch()
        assert fresh.plan() == planned
    given = weights.rename(fresh.folder / "mine.pt")
    with config(fresh, f"{CONFIG}\nsettings: {{ depth: {{ model: dpt_large_384, checkpoint: {given.name} }} }}\n"):
        assert fresh.plan() == planned

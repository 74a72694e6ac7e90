"""Space on disk by stage."""

from __future__ import annotations

from i2vadapt.files import superseded
from i2vadapt.layout import Results
from i2vadapt.report.disk import Stored, describe_superseded, stored_files
from i2vadapt.report.page import stage_rows
from i2vadapt.report.times import RuleTime


def test_everything_is_counted_once_by_dataset_or_benchmark(results: Results) -> None:
    found = {part.what: part for part in stored_files(results)}
    assert list(found) == [
        *("depth of photographs", "frames of photographs", "flow of photographs"),
        *("frames of videos", "flow of videos", "runs of tiny", "methods of tiny"),
    ]
    for kind in ("frames", "flow"):
        shards = list((results.dataset("videos").path / kind).iterdir())
        assert found[f"{kind} of videos"].files == len(shards) == 2
        assert found[f"{kind} of videos"].size == sum(path.stat().st_size for path in shards)
    runs = [path for path in (results.path / "runs").rglob("*") if path.is_file()]
    assert found["runs of tiny"] == Stored("train", "runs of tiny", len(runs), sum(p.stat().st_size for p in runs))


def test_what_was_set_aside_is_named_apart(results: Results) -> None:
    assert describe_superseded(results) == ""
    before = stored_files(results)
    shard, run = results.dataset("videos").shard("flow", "0000"), results.run("tiny", "rgb", 0)
    size = run.metrics.stat().st_size
    superseded.set_aside(shard)  # another name of the same file, which takes no space
    superseded.set_folder_aside(run.path, run.metrics)
    assert describe_superseded(results) == "2 items, 0.0 kB"
    assert stored_files(results) == before
    run.metrics.write_bytes(run.metrics.read_bytes())  # the same file as before
    (version,) = superseded.earlier(run.path)
    (version / "metrics.csv").unlink()
    (version / "metrics.csv").write_bytes(bytes(size + 3000))
    assert describe_superseded(results) == f"2 items, {(size + 3000) / 1000:.1f} kB"


def test_a_damaged_shard_of_another_dataset_is_counted_all_the_same(results: Results) -> None:
    path = results.dataset("videos").shard("frames", "0000")
    path.write_bytes(b"damaged")
    (part,) = (part for part in stored_files(results) if part.what == "frames of videos")
    assert (part.stage, part.files) == ("frames", 2)


def test_stages_have_time_and_space_in_one_row() -> None:
    times = [RuleTime("train", 2, 100.0, 60.0, 1500.0), RuleTime("fuse", 1, 1.0, 1.0, None)]
    stored = [Stored("flow", "flow of a", 2, 3 * 10**9), Stored("train", "runs of b", 9, 4 * 10**6)]
    assert stage_rows(times, stored) == [
        ["train", "2", "1 min 40 s", "1 min 00 s", "1.50 GB", "4.0 MB"],
        ["fuse", "1", "1.0 s", "1.0 s", "", ""],
        ["flow", "", "", "", "", "3.00 GB"],
        ["all", "3", "1 min 41 s", "", "", "3.00 GB"],
    ]

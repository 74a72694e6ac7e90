from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_results import CLASSES

from i2vadapt.config.documents import DatasetSpec
from i2vadapt.data.flow_codec import encode_flow
from i2vadapt.data.shards.format import Encoded, write_shard_file
from i2vadapt.layout import Results
from i2vadapt.report.datasets import existing_shards, summarise_dataset
from i2vadapt.report.times import rule_times


def test_summary_counts_items_exclusions_failures_and_frames(results: Results) -> None:
    spec = DatasetSpec(dataset="photographs", root="data", shards=2, expected=10)
    summary = summarise_dataset(spec, results.dataset(spec.dataset), classes=CLASSES)
    assert (summary.items, summary.expected, summary.class_counts) == (9, 10, [3, 3, 3, 0])
    assert summary.excluded == {"duplicate": 2, "not an image by its suffix": 1}
    depth, frames, flow = summary.shards
    assert (frames.count, frames.items, frames.frames, flow.frames) == (2, 8, 8 * 16, 8 * 15)
    assert depth.failures == [("0/1.png", "does not decode")]
    assert frames.clipped_overall is None
    assert flow.clipped_overall == pytest.approx(0.1)
    size = sum(path.stat().st_size for path in existing_shards(results.dataset("photographs"), "flow"))
    assert flow.megabytes == pytest.approx(size / 1e6)


def test_only_shards_that_exist_are_listed(results: Results) -> None:
    folder = results.dataset("videos")
    folder.shard("flow", "0000").unlink()
    assert existing_shards(folder, "flow") == [folder.shard("flow", "0001")]
    assert existing_shards(folder, "depth") == []
    summary = summarise_dataset(DatasetSpec(dataset="videos", root="data", shards=2), folder, classes=CLASSES)
    assert [(part.kind, part.count) for part in summary.shards] == [("frames", 2), ("flow", 1)]


def test_clipped_share_weighs_items_by_their_pixels(results: Results) -> None:
    field = encode_flow(np.zeros((16, 16, 2), np.float32), 20.0, 95)
    info = {"height": 16, "width": 16, "clipped": 0.0}
    items = [Encoded("a", 0, [field] * 3, info), Encoded("b", 0, [field], {**info, "clipped": 0.4})]
    for path in existing_shards(results.dataset("videos"), "flow"):
        write_shard_file(path, "flow", items if path.stem == "0000" else [], {"settings": {"bound": 20.0}})
    spec = DatasetSpec(dataset="videos", root="data", shards=2)
    flow = summarise_dataset(spec, results.dataset(spec.dataset), classes=CLASSES).shards[-1]
    assert flow.clipped == [pytest.approx(0.1)]
    assert flow.clipped_overall == pytest.approx(0.1)


def test_wall_times_are_summed_by_rule(results: Results) -> None:
    other = results.job_time("train", "a")
    other.parent.mkdir()
    other.write_text("s\tmax_rss\n3700\tNA\n")
    train, flow = rule_times(results)
    assert (train.rule, train.jobs, train.total, train.memory) == ("train", 1, 3700.0, None)
    assert (flow.rule, flow.jobs, flow.total, flow.longest, flow.memory) == ("flow", 2, 70.5, 40.0, 210.0)


def test_nothing_measured_is_no_error(tmp_path: Path) -> None:
    assert rule_times(Results(tmp_path)) == []


def test_time_of_an_earlier_report_is_no_input(results: Results) -> None:
    before = rule_times(results)
    own = results.job_time("report", "tiny")
    own.parent.mkdir()
    own.write_text("s\n9\n")
    assert rule_times(results) == before

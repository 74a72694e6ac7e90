"""What is measured once for several runs, and the document that it is written to; the measurements are made up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from i2vadapt import stages
from i2vadapt.config.documents import Config
from i2vadapt.config.resolve import resolve
from i2vadapt.pipeline.plan import measured
from i2vadapt.pipeline.plan.costs import Rate, TrainingRate
from i2vadapt.pipeline.plan.measured import Measured
from i2vadapt.pipeline.plan.plan import make_plan
from i2vadapt.pipeline.plan.sample import Sample
from i2vadapt.pipeline.plan.work import clips_per_item
from i2vadapt.pipeline.plan.written import Written
from i2vadapt.pipeline.targets import choose_targets

WORKFLOW = Path(__file__).parents[2] / "workflow"
METHODS = ("so_rgb", "so_rgb_flow", "cfb", "cfb@bank.capacity=20", "pace", "full", "st_i2v", "meda")


def test_runs_of_one_kind_are_measured_once_and_the_document_gives_their_prices(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    trained = []

    def measure_training(settings: Any, *_: object) -> TrainingRate:
        trained.append(settings)
        clips = clips_per_item(settings)  # as if the time of a clip were all that matters
        return TrainingRate(1.0, 2.0, 0.5 * clips, 3.0, 0.25, 1e6, 60 + 4 * 13)

    def draw_sample(part: Any, side: Any) -> Sample:
        spec = getattr(part.benchmark, side)
        items = spec.expected
        return Sample(side, items, items * (spec.expected_frames or 1), [], [])

    def measure_stages(sample: Sample, *_: object) -> dict[stages.Stage, Rate]:
        return {stage: Rate(2.0, 0.125, 512.0) for stage in stages.preprocessing(sample.side)}

    for fake in (measure_training, draw_sample, measure_stages):
        monkeypatch.setattr(measured, fake.__name__, fake)
    (part,) = resolve(Config(benchmarks=("EtoH",), methods=("full",)), WORKFLOW)
    prices = Measured(8, tmp_path)
    targets = choose_targets(METHODS, [part], {}, (0, 1))
    plan = make_plan(targets, prices)
    # rgb, flow and both with a bank, rgb with paced clips, rgb with target clips, single photographs
    assert len(trained) == 5
    written = make_plan(targets, Written(prices.written("a test"), Path("rates.yaml")))
    assert [row.name for row in written.rows] == [row.name for row in plan.rows]
    for row, other in zip(plan.rows, written.rows, strict=True):
        kept = row.name == "EtoH, st_i2v"  # its scores hold features, whose size is made up above
        assert other.seconds == (None if row.seconds is None else pytest.approx(row.seconds, rel=1e-3)), row.name
        assert kept or other.size == (None if row.size is None else pytest.approx(row.size, rel=1e-3)), row.name
    assert [row.name for row in plan.rows if row.seconds is None] == ["EtoH-crops", "EtoH, meda", "EtoH, image"]

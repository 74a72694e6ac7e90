from __future__ import annotations

import dataclasses

import pytest

from i2vadapt.config.parsing import parse
from i2vadapt.config.recipes import frames, video
from i2vadapt.pipeline.plan.costs import TrainingRate
from i2vadapt.pipeline.plan.training import without_inputs

NOTHING = TrainingRate(
    start=0, per_epoch=0, per_item=0, per_scoring=0, per_video=0, checkpoint=0, score=0
)  # seconds and bytes


def run_of(**settings: object) -> video.Settings:
    return parse(video.Settings, {"epochs": 10, **settings}, "test")


@pytest.mark.parametrize(
    ("rate", "seconds"),
    [
        ({"start": 7}, 7),
        ({"per_epoch": 1}, 10),
        ({"per_item": 1}, 10 * 30),
        ({"per_scoring": 1}, 2),
        ({"per_video": 1}, 2 * 20),
    ],
)
def test_seconds_of_a_run_that_is_scored_twice(rate: dict[str, float], seconds: float) -> None:
    settings = run_of(evaluate_every=5)
    assert dataclasses.replace(NOTHING, **rate).seconds(settings, photographs=30, videos=20) == seconds


def test_every_refill_of_the_bank_scores_all_videos_whatever_the_protocol() -> None:
    rate = dataclasses.replace(NOTHING, per_video=1)
    bank = {"warmup_epochs": 4}
    for protocol in ("transductive", "split1"):
        settings = run_of(stream="flow", bank=bank, evaluate_every=10, protocol=protocol)
        assert rate.seconds(settings, photographs=30, videos=20) == 7 * 20  # after epochs 4 to 10
    assert rate.seconds(run_of(bank=bank, evaluate_every=10), photographs=30, videos=20) == 20  # RGB has no bank


def test_features_are_kept_of_generated_videos_too() -> None:
    rate = dataclasses.replace(NOTHING, per_video=1, score=1, checkpoint=5)
    settings = run_of(evaluate_every=10, keep_features=True, clip_frames=16, test_frames=32)
    assert rate.seconds(settings, photographs=30, videos=20) == 20 + 15
    assert rate.size(settings, photographs=30, videos=20) == 5 + 25
    assert rate.size(run_of(evaluate_every=5), photographs=30, videos=20) == 5 + 2 * 20


def test_the_upper_bound_learns_the_videos_for_training() -> None:
    settings = run_of(supervision="target", protocol="split1", bank=None, pace=None)
    assert dataclasses.replace(NOTHING, per_item=1).seconds(settings, photographs=30, videos=20) == 10 * 14


def test_a_run_is_measured_without_anything_but_its_samples() -> None:
    bank = {"partner": "rgb", "strategy": "simw_top1"}
    split = {"hmdb51": "nowhere"}
    for settings in (
        run_of(stream="flow", bank=bank, protocol="split1", split1=split),
        run_of(supervision="target", protocol="split1", split1=split, bank=None, pace=None),
        run_of(network="clip_vit_b32"),
        parse(frames.Settings, {"resnet": {"weights": "nowhere.pt"}}, "test"),
    ):
        plain = without_inputs(settings)
        assert type(plain).model_validate_json(plain.model_dump_json()) == plain
        assert (plain.parents, plain.initial_weights, plain.protocol) == ((), (), "transductive")
        assert plain.source_items != "none"
        assert (plain.epochs, plain.batch_size) == (settings.epochs, settings.batch_size)


def test_runs_that_differ_in_the_bank_alone_are_measured_once() -> None:
    first, second = (run_of(stream="flow", bank={"capacity": size}) for size in (10, 20))
    assert without_inputs(first) == without_inputs(second) == without_inputs(run_of(stream="flow", bank=None))

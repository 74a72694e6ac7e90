"""Variants of methods: which runs change with a setting, which are shared, and what they are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from i2vadapt.config.documents import Config
from i2vadapt.config.parsing import parse
from i2vadapt.config.recipes import video
from i2vadapt.config.resolve import resolve
from i2vadapt.config.resolved import ResolvedBenchmark
from i2vadapt.errors import UserError

WORKFLOW = Path(__file__).parents[2] / "workflow"


@pytest.fixture(scope="module")
def part() -> ResolvedBenchmark:
    (part,) = resolve(parse(Config, {"benchmarks": ["EtoH"]}, "config"), WORKFLOW)
    return part


def video_run(part: ResolvedBenchmark, name: str) -> video.Settings:
    settings = part.run(name)
    assert isinstance(settings, video.Settings)
    return settings


def test_a_setting_of_the_bank_changes_the_flow_run_alone(part: ResolvedBenchmark) -> None:
    method = part.method("cfb@bank.capacity=20")
    assert method.fuse == ("rgb", "flow_bank@bank.capacity=20")
    assert method.title == f"{part.method('cfb').title}, bank.capacity = 20"
    bank = video_run(part, "flow_bank@bank.capacity=20").bank
    assert bank is not None
    assert (bank.capacity, bank.partner) == (20, "rgb")
    assert list(part.runs_of(["cfb@bank.capacity=20", "cfb"])) == ["rgb", "flow_bank@bank.capacity=20", "flow_bank"]


def test_a_setting_of_the_rgb_run_makes_its_variant_the_partner_of_the_flow_run(part: ResolvedBenchmark) -> None:
    rgb, flow = part.method("full@pace.weight=1").fuse
    assert (rgb, flow) == ("rgb_pace@pace.weight=1", "flow_bank_pace@pace.weight=1")
    assert video_run(part, flow).partners == ("rgb_pace@pace.weight=1",)
    assert list(part.runs_of(["full@pace.weight=1"])) == [rgb, flow]


def test_a_value_that_a_run_has_anyway_shares_its_training(part: ResolvedBenchmark) -> None:
    assert part.method("so_rgb@local_weight=1").fuse == part.method("so_rgb").fuse == ("rgb",)
    assert part.method("so_rgb@local_weight=2").fuse == ("rgb@local_weight=2",)


def test_two_settings_change_each_run_that_has_one_of_them(part: ResolvedBenchmark) -> None:
    method = part.method("cfb@bank.capacity=20@local_weight=2")
    assert method.fuse == ("rgb@local_weight=2", "flow_bank@bank.capacity=20@local_weight=2")
    assert method.title.endswith(", bank.capacity = 20, local_weight = 2")
    flow = video_run(part, method.fuse[1])
    assert flow.partners == ("rgb@local_weight=2",)
    assert flow.bank is not None
    assert flow.bank.capacity == 20


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cfb@bank.capacty=20", "cfb@bank.capacty=20: no run of method cfb has a setting bank.capacty"),
        ("so_rgb@bank.capacity=20", "so_rgb@bank.capacity=20: no run of method so_rgb has a setting bank.capacity"),
        ("cbf@bank.capacity=20", "methods: no method 'cbf' in methods.yaml; there are so_img, dann, "),
        ("cfb@bank.capacity=0", "bank.capacity"),
    ],
)
def test_a_wrong_variant_is_one_line(part: ResolvedBenchmark, name: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        part.method(name)
    (line,) = str(caught.value).splitlines()
    assert message in line

"""Prices from a document of rates, against sums done by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from i2vadapt.cli import main
from i2vadapt.config.documents import Config
from i2vadapt.config.parsing import parse
from i2vadapt.config.rates import Rates, load_rates, write_rates
from i2vadapt.config.resolve import resolve
from i2vadapt.config.resolved import ResolvedBenchmark
from i2vadapt.errors import UserError
from i2vadapt.pipeline.plan.plan import Plan, make_plan
from i2vadapt.pipeline.plan.table import describe, total
from i2vadapt.pipeline.plan.written import Written
from i2vadapt.pipeline.targets import choose_targets

WORKFLOW = Path(__file__).parents[2] / "workflow"
SHIPPED = sorted((WORKFLOW / "rates").glob("*.yaml"))
I3D = {"network": "i3d", "frozen": "Conv3d_2c_3x3"}
RGB = {"work": I3D, "per_clip": 2.0, "per_video": 3.0, "checkpoint": 1e6}
FLOW = {"work": {**I3D, "stream": "flow"}, "per_clip": 1.0, "per_video": 1.0, "checkpoint": 1e6}
PHOTOGRAPHS, VIDEOS, FRAMES, EPOCHS = 3014, 1690, 76, 60  # of E->H


@pytest.fixture(autouse=True)
def without_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def e_to_h() -> ResolvedBenchmark:
    return resolve(Config(benchmarks=("EtoH",), methods=("full",)), WORKFLOW)[0]


def rates_of(**changes: Any) -> Rates:
    about = {"machine": "a machine", "measured_by": "hand", "date": "2026-01-31", "cores": 8}
    return parse(Rates, {**about, **changes}, "rates")


def plan_of(part: ResolvedBenchmark, rates: Rates, *methods: str) -> Plan:
    return make_plan(choose_targets(methods, [part], {}, (0, 1)), Written(rates, Path("rates.yaml")))


def seconds_of(plan: Plan) -> dict[tuple[str, str], float | None]:
    return {(row.stage, row.name.removeprefix("EtoH, ")): row.seconds for row in plan.rows if row.stage != "fuse"}


def test_stages_and_runs_take_their_rates_times_their_items(e_to_h: ResolvedBenchmark) -> None:
    stages = [
        {"stage": "depth", "start": 10, "seconds": 5, "size": 7},
        {"stage": "synthesize", "start": 10, "seconds": 4},
        {"stage": "decode", "seconds": 0.5},
        {"stage": "flow", "branch": "source", "rows": 256, "seconds": 2},
        {"stage": "flow", "branch": "target", "rows": 256, "seconds": 3, "gpu": True},
    ]
    plan = plan_of(e_to_h, rates_of(stages=stages, training=[RGB, FLOW]), "full")
    scoring, partner = EPOCHS * VIDEOS, 2 * PHOTOGRAPHS * EPOCHS  # the RGB run sees a paced clip for each photograph
    assert seconds_of(plan) == {
        ("depth", "EADs-13"): 12 * 10 + PHOTOGRAPHS * 5,  # one after another: a job takes a GPU
        ("synthesize", "EADs-13"): (12 * 10 + PHOTOGRAPHS * 4) / 2,  # two jobs of four cores
        ("flow", "EADs-13"): PHOTOGRAPHS * 16 * 2 / 2,
        ("decode", "HMDB51-13"): VIDEOS * FRAMES * 0.5 / 2,
        ("flow", "HMDB51-13"): VIDEOS * FRAMES * 3,
        ("train", "rgb_pace"): 2 * (partner * 2 + scoring * 3),
        ("train", "flow_bank_pace"): 2 * (PHOTOGRAPHS * EPOCHS * 1 + scoring * 1),
    }
    assert next(row.size for row in plan.rows if row.stage == "depth") == PHOTOGRAPHS * 7


def test_what_sharing_saves_has_a_price(e_to_h: ResolvedBenchmark) -> None:
    plan = plan_of(e_to_h, rates_of(training=[RGB]), "so_rgb", "so_rgb_flow", "cfb")
    assert (plan.sharing.runs, plan.sharing.alone, plan.sharing.unpriced) == (6, 10, 0)
    rgb = EPOCHS * (PHOTOGRAPHS * 2 + VIDEOS * 3)
    assert plan.sharing.seconds == 4 * rgb
    text = "\n".join(describe(plan, []))
    assert "Sharing saves 4 of 10 trainings: 3 methods need 6, " in text
    assert f"; that is {4 * rgb / 3600:.1f} hours." in text


def test_a_rate_that_is_not_known_is_a_question_mark_and_missing_in_the_total(e_to_h: ResolvedBenchmark) -> None:
    plan = plan_of(e_to_h, rates_of(training=[RGB]), "so_rgb", "higan")
    lines = describe(plan, ["origin"])
    (depth,) = (line for line in lines if line.startswith("depth "))
    assert depth.split()[-2:] == ["?", "?"]
    (excluded,) = (line for line in lines if line.startswith("Not in these hours"))
    for name in ("depth of EADs-13", "decode of HMDB51-13", "6 jobs of features (EtoH i3d_pretrained, ", "EtoH higan"):
        assert name in excluded
    assert total(plan.rows).seconds == 2 * EPOCHS * (PHOTOGRAPHS * 2 + VIDEOS * 3) + 2 * VIDEOS * 3  # i3d_pretrained


def test_rates_of_other_settings_do_not_count(e_to_h: ResolvedBenchmark) -> None:
    stages = [{"stage": "depth", "seconds": 1, "settings": {"model": "dpt_small"}}, {"stage": "flow", "rows": 128}]
    training = [{**RGB, "work": {**I3D, "crop": 112}}]
    plan = plan_of(e_to_h, rates_of(stages=stages, training=training), "so_rgb_flow")
    assert set(seconds_of(plan).values()) == {None}
    assert describe(plan, [])[-1].startswith("Not counted")


def test_what_rests_on_an_assumption_says_so(e_to_h: ResolvedBenchmark) -> None:
    assumed = {**RGB, "origin": "assumed", "note": "twice as fast as somewhere else"}
    lines = describe(plan_of(e_to_h, rates_of(training=[assumed, FLOW], gpus=1), "so_rgb_flow"), [])
    ends = {line.split()[2]: line.split()[-1] for line in lines if line.startswith("train ")}
    assert ends["rgb"] == "assumed"
    assert ends["flow"] != "assumed"
    assert "  assumed: twice as fast as somewhere else" in lines
    assert sum("are hours of a GPU" in line for line in lines) == 1
    with pytest.raises(UserError, match="note must say where an assumed rate comes from"):
        rates_of(training=[{**RGB, "origin": "assumed"}])


def test_without_data_or_expected_numbers_there_is_one_line(e_to_h: ResolvedBenchmark) -> None:
    target = e_to_h.benchmark.target.model_copy(update={"expected_frames": None})
    unknown = e_to_h.benchmark.model_copy(update={"target": target})
    part = resolve(Config(benchmarks=("EtoH",)), WORKFLOW)[0]
    object.__setattr__(part, "benchmark", unknown)
    with pytest.raises(UserError, match=r"EtoH.yaml: target: needs expected and expected_frames") as error:
        plan_of(part, rates_of(), "so_rgb")
    assert len(str(error.value).splitlines()) == 1


def test_a_document_that_is_written_is_read_as_it_was(tmp_path: Path) -> None:
    rates = rates_of(stages=[{"stage": "decode", "seconds": 0.5, "settings": {"short_side": 72}}], training=[RGB])
    write_rates(tmp_path / "rates.yaml", rates)
    assert load_rates(tmp_path / "rates.yaml") == rates


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stages": [{"stage": "dept"}]}, "must be one of depth, synthesize, crop, decode, flow"),
        ({"stages": [{"stage": "depth", "settings": {"modell": "x"}}]}, "modell"),
        ({"date": "soon"}, "date"),
    ],
)
def test_mistakes_in_a_document_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        rates_of(**changes)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
@pytest.mark.parametrize("benchmark", ["EtoH", "BtoU", "StoU"])
def test_the_paper_has_a_price_by_every_shipped_document(
    path: Path, benchmark: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.yaml").touch()
    options = ["--workflow", str(WORKFLOW), "--benchmarks", benchmark, "--rates", str(path)]
    assert main(["plan", "paper", *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    (flow,) = (line for line in lines if line.startswith("flow") and ("UCF101" in line or "HMDB51" in line))
    assert "?" not in flow
    assert any(line.startswith("Sharing saves ") for line in lines)
    assert any(load_rates(path).machine in line for line in lines)
    assert main(["plan", "table9", *options]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("i2vadapt: error: no target 'table9'; there are figure4, ")

"""Every row of the tables trains and scores, on tiny data."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_data import CLASSES, FRAMES, TRAIN, make_run, read_metrics, write_datasets

from i2vadapt.adaptation import draw_pace, pace_indices, uniform_indices
from i2vadapt.config import TrainSettings, merge, parse, read_yaml
from i2vadapt.errors import UserError
from i2vadapt.training.clips import PACED, DomainClips, PacedClips, Window
from i2vadapt.training.loop import Trainer
from i2vadapt.training.trained import evaluate, load_trained

METHODS = read_yaml(Path(__file__).parents[2] / "workflow" / "methods.yaml")
TRAINED_ELSEWHERE = {"so_rgb", "full", "clip_so_rgb", "clip_full"}  # test_loop.py, test_clip_stream.py


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("methods")
    write_datasets(root)
    yield root
    shutil.rmtree(root)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "run"
    shutil.rmtree(tmp_path)


@pytest.mark.parametrize("name", sorted(METHODS.keys() - TRAINED_ELSEWHERE))
def test_every_row_of_the_tables_trains(data: Path, folder: Path, name: str) -> None:
    """Two epochs, the second with the bank; then the checkpoint is read back and scores the target."""
    run = make_run(data, folder, **merge(TRAIN, {"epochs": 2}, METHODS[name]))
    Trainer(run).train()
    rows, settings = read_metrics(folder), run.settings
    losses = {column for column in rows[1] if column.startswith("loss_") and rows[1][column]}
    expected = {f"loss_video_{stream}" for stream in settings.streams} | {"loss_local_rgb"}
    if settings.pace is not None:
        expected |= {f"loss_pace_{stream}" for stream in settings.pace.streams}
    if settings.transfer.loss != "none":
        expected |= {f"loss_transfer_{stream}" for stream in settings.streams}
    assert losses == expected
    if settings.bank is not None:
        assert [row["bank_used"] for row in rows] == ["0", "1"]
        assert sum(int(rows[0][f"bank_fill_{label}"]) for label in CLASSES) == int(rows[0]["bank_flows"]) > 0
    results = evaluate(load_trained(folder / "checkpoint.pt"), data / "target", folder / "predictions.csv", 2, 0)
    assert f"{results['accuracy_fused']:.6g}" == rows[1]["accuracy_fused"]


def test_a_killed_run_with_similarities_goes_on_to_the_same_numbers(
    data: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = {"bank": {"warmup_epochs": 1, "capacity": 2, "strategy": "simw_sum_top5"}, "pace": None, "epochs": 2}
    Trainer(make_run(data, folder / "whole", **changes)).train()
    real = Trainer._save

    def save_and_die(self: Trainer) -> None:
        real(self)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_save", save_and_die)
        with pytest.raises(KeyboardInterrupt):
            Trainer(make_run(data, folder / "parts", **changes)).train()
    Trainer(make_run(data, folder / "parts", **changes)).train()
    assert read_metrics(folder / "parts") == read_metrics(folder / "whole")


@pytest.mark.parametrize("flow", ["native", "matched"])
@pytest.mark.parametrize("crops", ["shared", "separate"])
def test_paced_flow_is_native_or_matched(data: Path, flow: str, crops: str) -> None:
    target = DomainClips(data / "target", ("rgb", "flow"))
    settings = make_run(data, data, pace={"flow": flow, "streams": ["rgb", "flow"]}, crops=crops).settings
    clips = PacedClips(target, settings, (5, 0))
    for index, item in enumerate(target.items):
        rng = np.random.default_rng([5, 0, PACED, index])
        start, rate = draw_pace(rng, FRAMES, 5)
        window = Window.draw(rng)
        paced, whole = pace_indices(FRAMES, start, rate, 8), uniform_indices(FRAMES, 8)
        sample = clips[index]
        assert int(sample["pace"]) == rate
        assert torch.equal(sample["rgb"], target.rgb_clip(item.id, paced, window, settings.crop))
        window = window if crops == "shared" else Window.draw(rng)
        indices = paced if flow == "matched" else whole
        assert torch.equal(sample["flow"], target.flow_clip(item.id, indices, window, settings.crop))


@pytest.mark.parametrize("other_streams", ["skip", "statistics"])
def test_streams_without_a_pace_head_may_see_the_target_for_their_statistics(
    data: Path, folder: Path, other_streams: str
) -> None:
    """Photographs' flow moves down and that of videos up; only running statistics may tell that it was seen."""
    states = {}
    for pace in (None, {"other_streams": other_streams}):
        run = make_run(data, folder / str(pace is None), pace=pace, bank=None, epochs=1, dropout=0.0)
        trainer = Trainer(run)
        trainer.train()
        states[pace is None] = trainer.model.network("flow").state_dict()
    statistics = [name for name in states[True] if name.endswith("running_mean")]
    changed = any(not torch.equal(states[True][name], states[False][name]) for name in statistics)
    assert changed == (other_streams == "statistics")
    assert all(torch.equal(value, states[False][name]) for name, value in states[True].items() if "conv3d" in name)


def test_the_domain_classifier_learns_while_its_reversed_gradient_is_weak(data: Path, folder: Path) -> None:
    transfer = {"loss": "dann", "inputs": "features", "weight": 1.0, "streams": ["rgb"]}
    trainer = Trainer(make_run(data, folder, streams=["rgb"], bank=None, pace=None, transfer=transfer, epochs=1))
    before = {name: value.clone() for name, value in trainer.model.domain_heads.state_dict().items()}
    trainer.train()
    after = trainer.model.domain_heads.state_dict()
    assert before.keys() == {f"rgb.layers.{layer}.{kind}" for layer in (0, 3, 6) for kind in ("weight", "bias")}
    assert all(not torch.equal(value, after[name]) for name, value in before.items())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"transfer": {"loss": "bnm", "inputs": "features"}}, "inputs must be logits with loss bnm"),
        ({"streams": ["flow"], "pace": None, "bank": {"strategy": "simw_top1"}}, "streams must have rgb"),
        ({"streams": ["flow"]}, "pace must be null when streams has none of pace.streams, rgb"),
        (
            {"streams": ["rgb"], "bank": None, "transfer": {"loss": "dan", "streams": ["flow"]}},
            "transfer.loss must be none",
        ),
    ],
)
def test_settings_that_do_not_fit_together(changes: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse(TrainSettings, changes, "test")

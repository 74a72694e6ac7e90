from __future__ import annotations

import itertools
import multiprocessing
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_data import CLASSES, make_flow_run, make_run, read_metrics, write_datasets, write_flow, write_frames
from tiny_data import make_items as make_tiny_items

from i2vadapt.data.shards.reader import ShardReader
from i2vadapt.errors import UserError
from i2vadapt.files.tables import read_table
from i2vadapt.inference.scores import read_scores, write_scores
from i2vadapt.layout import RunFolder
from i2vadapt.models.i3d import InceptionI3D
from i2vadapt.training.loop import Trainer
from i2vadapt.training.result import Result
from i2vadapt.training.run import Run
from i2vadapt.training.target_scores import read_index, reported_accuracies
from i2vadapt.weights import checkpoint

Finished = tuple[list[dict[str, str]], dict[str, Any]]
STEPS = 2  # steps of an epoch: four photographs in batches of two


class Killed(BaseException):
    """Simulates the end of the process: nothing in the package may catch it."""


def finished(folder: Path) -> Finished:
    return read_metrics(folder), checkpoint.load(folder / "checkpoint.pt")


def train(run: Run) -> Finished:
    Trainer(run).train()
    return finished(run.folder)


@pytest.fixture(scope="module")
def undisturbed(data: Path) -> Finished:
    return train(make_run(data, data / "undisturbed"))


def assert_same(first: Finished, second: Finished) -> None:
    assert first[0] == second[0]
    assert first[1]["paces"] == second[1]["paces"]
    assert first[1]["model"].keys() == second[1]["model"].keys()
    for name, weight in first[1]["model"].items():
        assert torch.equal(weight, second[1]["model"][name]), name


def train_until_killed(
    run: Run, monkeypatch: pytest.MonkeyPatch, name: str, call: int, before: bool, owner: type = Trainer
) -> None:
    """Makes the given call of a method, the trainer's or another owner's, end the process, before or after its work."""
    real: Callable[..., Any] = getattr(owner, name)
    calls = 0

    def wrapper(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call and before:
            raise Killed
        result = real(*arguments, **options)
        if calls == call:
            raise Killed
        return result

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, wrapper)
        with pytest.raises(Killed):
            Trainer(run).train()


@pytest.fixture(scope="module")
def flow_run(data: Path, undisturbed: Finished) -> Finished:
    return train(make_flow_run(data, data / "flow", data / "undisturbed"))


def test_an_rgb_run_records_every_epoch(undisturbed: Finished) -> None:
    rows, content = undisturbed
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert [row["learning_rate"] for row in rows] == ["0.01", "0.001", "0.0001"]
    measured = ("loss_video", "loss_local", "loss_pace", "pace_accuracy", "accuracy")
    assert all(row[name] for row in rows for name in measured)
    assert content["classes"] == list(CLASSES)
    assert content["decode"]["short_side"] == 40
    assert content["flow"] == {}
    assert float(rows[0]["loss"]) == pytest.approx(sum(float(rows[0][name]) for name in measured[:3]), rel=1e-4)


def test_an_rgb_run_counts_its_clips_by_true_and_predicted_pace(data: Path, undisturbed: Finished) -> None:
    rows, content = undisturbed
    table = read_table(RunFolder(data / "undisturbed").pace_counts, ("epoch", "pace", "predicted", "clips"))
    counts = np.zeros((3, 5, 5), int)
    for cell in table:
        counts[int(cell["epoch"]) - 1, int(cell["pace"]) - 1, int(cell["predicted"]) - 1] += int(cell["clips"])
    assert len(table) == counts.size
    assert counts.tolist() == list(content["paces"].values())
    assert counts.sum(axis=(1, 2)).tolist() == [2 * STEPS] * 3
    for row, of_epoch in zip(rows, counts, strict=True):
        assert float(row["pace_accuracy"]) == pytest.approx(np.trace(of_epoch) / of_epoch.sum())


def test_a_run_without_pace_prediction_has_no_counts(data: Path, folder: Path) -> None:
    train(make_run(data, folder, pace=None, epochs=1))
    assert not RunFolder(folder).pace_counts.exists()


def test_a_flow_run_refills_its_bank_with_the_scores_of_the_rgb_run(flow_run: Finished) -> None:
    rows, content = flow_run
    assert [row["bank_used"] for row in rows] == ["0", "1", "1"]
    assert all(row["loss_video"] == row["loss"] for row in rows)
    assert [bool(row["bank_flows"]) for row in rows] == [True, True, False]
    assert content["flow"]["bound"] == 10
    assert list(content["identity"]["parents"]["rgb"]) == [1, 2]  # the epochs after which the bank is refilled
    for row in rows[:2]:  # purities of the classes, weighted by their flows, make up that of the bank; none where empty
        held = [float(row[f"bank_fill_{name}"]) for name in CLASSES]
        shares = [float(row.get(f"bank_purity_{name}") or 0) for name in CLASSES]
        assert float(row["bank_purity"]) == pytest.approx(np.dot(held, shares) / sum(held))


def test_scores_of_every_epoch_are_kept_for_other_runs(data: Path, undisturbed: Finished) -> None:
    folder = RunFolder(data / "undisturbed")
    rows, content = undisturbed
    assert read_index(folder) == content["scores"]
    for row in rows:
        scores = read_scores(folder.scores(int(row["epoch"])), CLASSES)
        assert scores.tested.all()
        assert f"{reported_accuracies(scores)['accuracy']:.6g}" == row["accuracy"]
    assert sorted(path.name for path in (folder.path / "scores").iterdir()) == [
        f"{epoch:04d}.safetensors" for epoch in (1, 2, 3)
    ]


def test_parents_that_are_missing_or_of_other_classes_are_refused(
    data: Path, folder: Path, undisturbed: Finished
) -> None:
    with pytest.raises(UserError, match="--parents: none given, but the settings need rgb"):
        Trainer(replace(make_flow_run(data, folder, data / "undisturbed"), parents={}))
    with pytest.raises(UserError, match=r"nowhere/scores/0001\.safetensors: no such scores"):
        train(make_flow_run(data, folder, data / "nowhere"))
    other = replace(make_flow_run(data, folder, data / "undisturbed", epochs=2), classes=("run", "walk"))
    with pytest.raises(UserError, match="scores of the classes walk, run, not run, walk"):
        train(other)


def test_a_run_is_trained_again_when_the_scores_that_it_read_have_changed(
    data: Path, folder: Path, undisturbed: Finished
) -> None:
    shutil.copytree(data / "undisturbed", folder / "rgb")
    run = make_flow_run(data, folder / "flow", folder / "rgb", epochs=2)
    train(run)
    before = (folder / "flow" / "checkpoint.pt").stat().st_mtime_ns
    train(run)
    assert (folder / "flow" / "checkpoint.pt").stat().st_mtime_ns == before
    file = RunFolder(folder / "rgb").scores(1)
    scores = read_scores(file)
    write_scores(file, replace(scores, probabilities=scores.probabilities[:, ::-1]), 1)
    train(run)
    assert (folder / "flow" / "checkpoint.pt").stat().st_mtime_ns != before


def test_a_finished_run_whose_scores_are_gone_is_trained_again(data: Path, folder: Path) -> None:
    run = make_run(data, folder, pace=None, epochs=1)
    train(run)
    file = RunFolder(folder).scores(1)
    before = file.read_bytes()
    file.unlink()
    train(run)
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("owner", "name", "call", "before", "epochs_kept"),
    [
        pytest.param(Trainer, "_step", STEPS + 2, True, 1, id="in-the-middle-of-an-epoch"),
        pytest.param(Trainer, "_save", 2, False, 2, id="between-two-epochs"),
        pytest.param(Result, "write", 1, True, 3, id="before-the-result-was-written"),
    ],
)
def test_a_killed_run_resumes_to_the_same_numbers(
    data: Path,
    folder: Path,
    undisturbed: Finished,
    monkeypatch: pytest.MonkeyPatch,
    owner: type,
    name: str,
    call: int,
    before: bool,
    epochs_kept: int,
) -> None:
    run = make_run(data, folder)
    train_until_killed(run, monkeypatch, name, call, before, owner)
    assert not (folder / "checkpoint.pt").exists()
    assert (folder / "state.pt").exists() == (epochs_kept > 0)
    torch.rand(7)  # a new process has another random state
    trained = []
    real = Trainer._train_epoch
    monkeypatch.setattr(Trainer, "_train_epoch", lambda self: trained.append(self.epoch) or real(self))
    assert_same(train(run), undisturbed)
    assert trained == list(range(epochs_kept, 3))
    assert not (folder / "state.pt").exists()


def test_a_killed_flow_run_resumes_with_the_bank_that_it_had(
    data: Path, folder: Path, undisturbed: Finished, flow_run: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_flow_run(data, folder, data / "undisturbed")
    train_until_killed(run, monkeypatch, "_step", STEPS + 2, before=True)
    assert_same(train(run), flow_run)


def test_an_unfinished_run_with_other_settings_is_set_aside_and_resumed_when_they_return(
    data: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run = make_run(data, folder, pace=None)
    train_until_killed(run, monkeypatch, "_save", 1, before=False)
    other = make_run(data, folder, pace=None, learning_rate=0.5, momentum=0.1)
    rows, _ = train(other)
    assert rows[0]["learning_rate"] == "0.5"
    lines = caplog.text.splitlines()
    assert sorted(line for line in lines if line.startswith("  ")) == [
        "  train.learning_rate: 0.01, now 0.5",
        "  train.momentum: 0.9, now 0.1",
    ]
    caplog.set_level("INFO")
    resumed = train(run)
    assert "resuming after epoch 1, step 0" in caplog.text
    assert not (folder / "state.pt").exists()
    assert_same(resumed, train(make_run(data, folder.parent / "other", pace=None)))
    train(other)
    assert train(other)[0] == rows


def test_two_trainers_in_one_folder(data: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(data, folder, pace=None, epochs=1)
    other = Trainer(run)
    real = Trainer._train_epoch
    messages = []

    def start_the_other_meanwhile(self: Trainer) -> Any:
        with pytest.raises(UserError) as caught:
            other.train()
        messages.append(str(caught.value))
        return real(self)

    monkeypatch.setattr(Trainer, "_train_epoch", start_the_other_meanwhile)
    rows, _ = train(run)
    assert messages == [f"{folder}: another process is training here; wait for it or stop it first"]
    assert len(rows) == 1


@pytest.mark.parametrize(("delay", "used"), [(0, [0, 1, 1]), (1, [0, 0, 1])])
def test_target_flow_is_retrieved_from_the_right_epoch_on(
    data: Path,
    folder: Path,
    undisturbed: Finished,
    monkeypatch: pytest.MonkeyPatch,
    delay: int,
    used: list[int],
) -> None:
    """All flow of photographs points down (v > 0) and all flow of videos up, mirrored or not."""
    domains: dict[int, set[bool]] = {}
    real = Trainer._step

    def spy(self: Trainer, batch: tuple[dict[str, torch.Tensor], Any, Any]) -> int:
        flow = batch[0]["clip"]
        domains.setdefault(self.epoch, set()).update((flow[..., 1].float().mean(dim=(1, 2, 3)) < 128).tolist())
        return real(self, batch)

    monkeypatch.setattr(Trainer, "_step", spy)
    bank = {"warmup_epochs": 1, "delay_epochs": delay, "capacity": 2, "partner": "rgb"}
    rows, _ = train(make_flow_run(data, folder, data / "undisturbed", bank=bank, evaluate_every=10))
    assert [int(row["bank_used"]) for row in rows] == used
    assert [int(True in domains[epoch]) for epoch in range(3)] == used
    assert all(False in domains[epoch] for epoch in range(3) if not used[epoch])
    # The run scores the epochs after which the bank is refilled, and the last one.
    assert [bool(row["bank_flows"]) for row in rows] == [bool(now) for now in [*used[1:], 0]]
    assert [bool(row["accuracy"]) for row in rows] == [bool(now) for now in [*used[1:], 1]]


def test_rgb_needs_no_flow_and_labels_of_the_target_are_not_needed(tmp_path: Path, folder: Path) -> None:
    write_datasets(tmp_path, flow=False, labelled=False)
    rows, content = train(make_run(tmp_path, folder, epochs=1))
    assert "accuracy" not in rows[0]
    assert not InceptionI3D(2).state_dict().keys() ^ content["model"].keys()
    with pytest.raises(UserError, match=r"flow/0000\.h5: no such shard"):
        Trainer(make_run(tmp_path, folder, stream="flow"))


def test_a_loss_that_is_not_finite_is_reported_with_its_epoch(data: Path, folder: Path) -> None:
    run = make_run(data, folder, pace=None, learning_rate=1e30)
    with pytest.raises(UserError, match=r"epoch \d: the loss is not finite: lower learning_rate \(1e\+30\)"):
        train(run)


def test_flow_of_other_frames_is_refused(tmp_path: Path, folder: Path) -> None:
    write_datasets(tmp_path)
    write_frames(tmp_path / "target", make_tiny_items(".mp4"), seed=99)
    with pytest.raises(UserError, match=r"target/flow/0000\.h5: computed from other frames .* run the flow stage"):
        Trainer(make_run(tmp_path, folder, stream="flow"))
    write_flow(tmp_path / "target", -4.0)
    assert len(Trainer(make_run(tmp_path, folder, stream="flow")).domains.target.items) == 4


@pytest.mark.parametrize("workers", [0, 1])
def test_a_crop_larger_than_the_frames_is_reported_in_one_line(data: Path, folder: Path, workers: int) -> None:
    run = make_run(data, folder, workers, pace=None, crop=64)
    with pytest.raises(UserError, match=r"\Atrain\.crop: 64 is larger than the frames of .*48x40.*\Z") as caught:
        train(run)
    assert len(str(caught.value).splitlines()) == 1
    assert not multiprocessing.active_children()


def test_loader_processes_change_no_number(data: Path, folder: Path, undisturbed: Finished, flow_run: Finished) -> None:
    assert_same(train(make_run(data, folder, workers=2)), undisturbed)
    assert_same(train(make_flow_run(data, folder / "flow", data / "undisturbed", workers=2)), flow_run)


def test_the_network_receives_the_frames_of_the_shards(data: Path) -> None:
    """The red, or green, of a class of the tiny data arrives in the first, or second, channel of the clip."""
    trainer = Trainer(make_run(data, data / "unused", pace=None))
    clips, labels = [], []
    for source, *_ in itertools.islice(trainer.recipe.batches(0, 0), trainer.recipe.steps):
        clips.append(source["clip"].numpy())
        labels.extend(source["label"].tolist())
    brightest = np.concatenate(clips).mean(axis=(1, 2, 3)).argmax(axis=1)
    assert sorted(labels) == [0, 0, 1, 1]
    assert brightest.tolist() == labels
    assert ShardReader(data / "source" / "frames" / "0000.h5").kind == "frames"


def test_a_finished_run_is_left_unchanged_and_other_weights_or_settings_train_again(data: Path, folder: Path) -> None:
    run = make_run(data, folder, pace=None, epochs=1)
    rows, _ = train(run)
    before = (folder / "checkpoint.pt").stat().st_mtime_ns
    for name in ("metrics.csv", "settings.yaml", "scores.csv"):  # as after a kill just before Snakemake takes note
        (folder / name).unlink()
    assert train(run)[0] == rows
    assert (folder / "settings.yaml").exists()
    assert (folder / "checkpoint.pt").stat().st_mtime_ns == before
    train(make_run(data, folder, pace=None, epochs=1, momentum=0.5))
    assert (folder / "checkpoint.pt").stat().st_mtime_ns != before
    assert train(run)[0] == rows  # the first training is taken back
    assert (folder / "checkpoint.pt").stat().st_mtime_ns == before

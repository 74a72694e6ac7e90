"""The recipe of single frames: its batches, both forward passes, resumption, and the upper part of CycDA's chain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_data import CLASSES, make_run, read_metrics

from i2vadapt.config.parsing import parse
from i2vadapt.config.recipes import frames
from i2vadapt.errors import Preempted, UserError
from i2vadapt.files.digests import file_digest
from i2vadapt.inference.scores import Scores, write_scores
from i2vadapt.layout import RunFolder
from i2vadapt.models.domain_alignment import DomainAlignment
from i2vadapt.recipes.frames import Recipe
from i2vadapt.training.loop import Trainer
from i2vadapt.training.target_scores import write_index

SMALL = {
    "crop": 32,
    "test_frames": 8,
    "epochs": 2,
    "batch_size": 4,
    "dropout": 0,
    "precision": "float32",
    "bottleneck": 8,
}
TARGET_IDS = tuple(f"{name}/{number}.mp4" for name in CLASSES for number in (0, 1))


def settings_of(**changes: object) -> frames.Settings:
    return parse(frames.Settings, {**SMALL, **changes}, "test").relevant()


def trainer_of(data: Path, folder: Path, parents: dict[str, Path] | None = None, **changes: object) -> Trainer:
    run = replace(make_run(data, folder), settings=settings_of(**changes), parents=parents or {})
    return Trainer(run)


def write_teacher(folder: Path, ids: tuple[str, ...] = TARGET_IDS, classes: tuple[str, ...] = CLASSES) -> Path:
    """Scores of a teacher that is sure of the true class of all videos but the last, and has no scores of frames."""
    probabilities = np.tile(np.float32([0.9, 0.1]), (len(ids), 1))
    probabilities[len(ids) // 2 :] = probabilities[len(ids) // 2 :, ::-1]
    probabilities[-1] = [0.6, 0.4]
    labels = np.arange(len(ids)) // 2
    write_scores(RunFolder(folder).scores(3), Scores(ids, classes, labels, np.ones(len(ids), bool), probabilities), 3)
    write_index(RunFolder(folder), {3: file_digest(RunFolder(folder).scores(3))}, [{"epoch": 3}])
    return folder


def test_an_epoch_is_a_pass_over_the_longer_side(data_with_photographs: Path, folder: Path) -> None:
    """4 photographs and 4 videos of 5 frames: 20 frames make 5 steps of 4, in which photographs are seen five times."""
    recipe = trainer_of(data_with_photographs, folder, transfer={"loss": "jan"}).recipe
    assert recipe.steps == 5
    batches = list(recipe.batches(0, 0))
    assert len(batches) == 5
    photographs = torch.cat([photograph["index"] for photograph, _ in batches])
    assert sorted(photographs.tolist()) == sorted(list(range(4)) * 5)
    videos = torch.cat([frame["index"] for _, frame in batches])
    assert sorted(videos.tolist()) == sorted(list(range(4)) * 5)
    assert trainer_of(data_with_photographs, folder).recipe.steps == 1
    alone = list(trainer_of(data_with_photographs, folder).recipe.batches(0, 0))
    assert [frame for _, frame in alone] == [None]


def test_the_passes_differ_only_in_batch_normalisation(data_with_photographs: Path, folder: Path) -> None:
    """In evaluation mode, where rows do not depend on each other, one joint pass gives what two give."""
    outputs = {}
    for forward in ("separate", "joint"):
        trainer = trainer_of(data_with_photographs, folder, transfer={"loss": "entropy"}, forward=forward)
        recipe = trainer.recipe
        assert isinstance(recipe, Recipe)
        trainer.model.eval()
        outputs[forward] = recipe._forward(*next(iter(recipe.batches(0, 0))))
    for first, second in zip(outputs["separate"], outputs["joint"], strict=True):
        torch.testing.assert_close(first.video_logits, second.video_logits)
        torch.testing.assert_close(first.features, second.features)


def test_alignment_layers_replace_batch_norm_and_learn_their_mixture(data_with_photographs: Path, folder: Path) -> None:
    aligned = {"normalisation": "aligned", "forward": "joint", "sync_batch_norm": False, "learning_rate": 0.5}
    trainer = trainer_of(data_with_photographs, folder, transfer={"loss": "entropy", "weight": 0.1}, **aligned)
    layers = [layer for layer in trainer.model.modules() if isinstance(layer, DomainAlignment)]
    assert len(layers) == 20
    trainer.train()
    alphas = torch.stack([layer.alpha.detach() for layer in layers])
    assert ((alphas < 1) | (alphas > 1)).any()
    assert {"loss_transfer", "loss_video"} <= read_metrics(folder)[0].keys()


def test_a_contrast_learns_from_the_labels_of_its_teacher_alone(
    data_with_photographs: Path, folder: Path, tmp_path: Path
) -> None:
    parents = {"i3d": write_teacher(tmp_path / "teacher")}
    contrast = {"teacher": {"run": "i3d", "select": "videos", "keep": 1}}
    trainer = trainer_of(data_with_photographs, folder, parents, contrast=contrast)
    trainer.train()
    rows = read_metrics(folder)
    assert [row["pseudo_labels"] for row in rows] == ["4", "4"]
    assert [row["pseudo_label_accuracy"] for row in rows] == ["0.75", "0.75"]
    assert all(float(row["loss_contrast"]) > 0 for row in rows)


def test_a_contrast_resumes_with_the_same_numbers(data_with_photographs: Path, tmp_path: Path) -> None:
    """Stopped after every step, it keeps the features of the photographs and its random generator."""
    parents = {"i3d": write_teacher(tmp_path / "teacher")}
    changes = {"contrast": {"teacher": {"run": "i3d", "select": "videos", "keep": 0.75}}}
    trainer_of(data_with_photographs, tmp_path / "whole", parents, **changes).train()
    stops = 0
    while True:
        trainer = trainer_of(data_with_photographs, tmp_path / "parts", parents, **changes)
        step = trainer._step

        def step_and_stop(batch: object, step: Callable[[object], int] = step, trainer: Trainer = trainer) -> int:
            trainer._stop.received = True
            return step(batch)

        trainer._step = step_and_stop  # type: ignore[method-assign]
        try:
            trainer.train()
            break
        except Preempted:
            stops += 1
    assert stops >= 9
    assert read_metrics(tmp_path / "parts") == read_metrics(tmp_path / "whole")


@pytest.mark.parametrize(
    ("prepare", "contrast", "message"),
    [
        (lambda _: None, {}, r"\A[^\n]*scores\.csv: the teacher has no scores yet: train it first\Z"),
        (
            lambda folder: write_teacher(folder, ids=("a.avi", "b.avi")),
            {},
            r"\Athe teacher i3d has scored other videos: a\.avi, not walk/0\.mp4: train it again\Z",
        ),
        (
            lambda folder: write_teacher(folder, classes=("sit", "stand")),
            {},
            r"\A[^\n]*scores of the classes sit, stand, not walk, run\Z",
        ),
        (
            write_teacher,
            {"select": "frames"},
            r"\Athe teacher i3d has no scores of single frames, as select: frames needs: use select: videos\Z",
        ),
    ],
)
def test_an_unfit_teacher_is_one_line(
    data_with_photographs: Path,
    folder: Path,
    tmp_path: Path,
    prepare: Callable[[Path], object],
    contrast: dict[str, str],
    message: str,
) -> None:
    prepare(tmp_path / "teacher")
    teacher = {"run": "i3d", "select": "videos", **contrast}
    with pytest.raises(UserError, match=message):
        trainer_of(data_with_photographs, folder, {"i3d": tmp_path / "teacher"}, contrast={"teacher": teacher})


def test_combinations_that_cannot_work_are_refused() -> None:
    for changes, message in (
        ({"network": "i3d"}, "needs a network of single frames"),
        ({"normalisation": "aligned"}, "needs forward joint and a transfer loss"),
        (
            {"normalisation": "aligned", "forward": "joint", "transfer": {"loss": "entropy"}},
            "needs sync_batch_norm false",
        ),
        ({"transfer": {"loss": "jan", "inputs": "features"}}, "must be left out with loss jan"),
    ):
        with pytest.raises(UserError, match=message):
            settings_of(**changes)

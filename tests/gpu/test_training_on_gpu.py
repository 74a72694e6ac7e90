"""A training on the GPU follows that of the CPU, and an interrupted one ends where an undisturbed one does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_data import make_run

from i2vadapt.training.history import Row
from i2vadapt.training.loop import Trainer
from i2vadapt.weights import checkpoint

EXACT = {"float64": 1e-5, "float32": 0.03}
"""Largest relative difference of an epoch's losses from the CPU's, by data type; in float32, of their sum alone.
Batches of two clips normalise by few values, which multiplies rounding: on one CPU, the sums in float32 and float64
differ by 0.006, and single terms by 0.2."""


class Killed(BaseException):
    """Simulates the end of the process: nothing in the package may catch it."""


def finished(folder: Path) -> tuple[list[Row], dict[str, torch.Tensor]]:
    content = checkpoint.load(folder / "checkpoint.pt")
    return content["history"], content["model"]


def losses(history: list[Row]) -> np.ndarray:
    return np.array([[row[name] for name in ("loss", "loss_video", "loss_local", "loss_pace")] for row in history])


@pytest.mark.parametrize("precision", EXACT)
def test_two_epochs_have_the_losses_of_the_cpu(
    data: Path, tmp_path: Path, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes: dict[str, Any] = {"epochs": 2, "dropout": 0.0, "precision": precision}
    Trainer(make_run(data, tmp_path / "gpu", workers=2, **changes)).train()
    with monkeypatch.context() as patch:
        patch.setenv("I2VADAPT_DEVICE", "cpu")
        Trainer(make_run(data, tmp_path / "cpu", **changes)).train()
    ours, reference = (losses(finished(tmp_path / name)[0]) for name in ("gpu", "cpu"))
    assert ours.shape == (2, 4)
    compared = np.s_[:, :1] if precision == "float32" else np.s_[:, :]
    np.testing.assert_allclose(ours[compared], reference[compared], rtol=EXACT[precision])


def test_bfloat16_learns_like_float32(data: Path, tmp_path: Path) -> None:
    for precision in ("bfloat16", "float32"):
        Trainer(make_run(data, tmp_path / precision, epochs=2, dropout=0.0, precision=precision)).train()
    ours, reference = (losses(finished(tmp_path / name)[0]) for name in ("bfloat16", "float32"))
    np.testing.assert_allclose(ours[:, 0], reference[:, 0], rtol=0.2)  # the whole loss; its small terms are noisier


def test_a_resumed_training_ends_at_the_same_numbers(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With dropout, whose random state on the GPU is part of what is resumed; in float64, in which the additions of
    # the poolings' gradients, whose order is not fixed on a GPU, make no difference that grows.
    changes: dict[str, Any] = {"epochs": 2, "precision": "float64"}
    Trainer(make_run(data, tmp_path / "undisturbed", **changes)).train()
    save = Trainer._save

    def save_and_die(trainer: Trainer) -> None:
        save(trainer)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_save", save_and_die)
        with pytest.raises(Killed):
            Trainer(make_run(data, tmp_path / "resumed", **changes)).train()
    torch.rand(3, device="cuda")
    Trainer(make_run(data, tmp_path / "resumed", **changes)).train()
    (ours, weights), (reference, expected) = (finished(tmp_path / name) for name in ("resumed", "undisturbed"))
    np.testing.assert_allclose(losses(ours), losses(reference), rtol=1e-8)
    for name, weight in expected.items():
        torch.testing.assert_close(weights[name], weight, rtol=1e-6, atol=1e-8, msg=name)

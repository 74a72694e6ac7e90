from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from i2vadapt.errors import UserError
from i2vadapt.weights import checkpoint


class Opener:
    """Unpickling it would run code."""

    def __reduce__(self) -> tuple[object, tuple[str, ...]]:
        return os.system, ("exit 0",)


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    checkpoint.save(path, {"epoch": 3, "model": {"w": torch.arange(4.0)}, "history": [{"loss": 0.1}], "bank": None})
    content = checkpoint.load(path)
    assert content["epoch"] == 3
    assert content["history"] == [{"loss": 0.1}]
    assert content["bank"] is None
    assert torch.equal(content["model"]["w"], torch.arange(4.0))
    assert os.listdir(tmp_path) == ["state.pt"]


def test_a_failed_save_leaves_the_old_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.pt"
    checkpoint.save(path, {"epoch": 1})

    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        checkpoint.save(path, {"epoch": 2})
    assert checkpoint.load(path)["epoch"] == 1
    assert os.listdir(tmp_path) == ["state.pt"]


def test_a_checkpoint_of_both_streams_is_refused_with_a_line_that_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    torch.save({"format": 1, "model": {"networks.rgb.logits.conv3d.bias": torch.zeros(2)}, "seed": 0}, path)
    with pytest.raises(UserError) as caught:
        checkpoint.load(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: a checkpoint of i2vadapt 0.1, which trained both streams in one run")
    assert "delete its folder and train again" in message
    assert "\n" not in message


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("archive", [True, False], ids=["archive", "plain pickle"])
def test_a_damaged_checkpoint_is_read_or_refused_in_one_line(tmp_path: Path, archive: bool) -> None:
    """Damaged bytes make the unpickler raise nearly anything."""
    path, messages = tmp_path / "state.pt", []
    content = {"format": checkpoint.FORMAT, "model": {"w": torch.zeros(9)}, "history": [{"loss": 0.1}]}
    torch.save(content, path, _use_new_zipfile_serialization=archive)
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(whole)
        damaged[rng.integers(min(len(whole), 1200))] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            checkpoint.load(path)
        except UserError as error:
            messages.append(str(error))
    assert len(messages) > 50
    assert all(message.startswith(f"{path}: ") and "\n" not in message for message in messages)


def test_files_that_are_no_checkpoint_are_one_line(tmp_path: Path) -> None:
    whole = tmp_path / "whole.pt"
    checkpoint.save(whole, {"model": {"w": torch.zeros(1000)}})
    (tmp_path / "cut.pt").write_bytes(whole.read_bytes()[:2000])
    (tmp_path / "empty.pt").touch()
    (tmp_path / "text.pt").write_text("hello")
    torch.save({"format": checkpoint.FORMAT, "code": Opener()}, tmp_path / "code.pt")
    torch.save({"weights": torch.zeros(2)}, tmp_path / "foreign.pt")
    torch.save({"format": checkpoint.FORMAT + 1}, tmp_path / "later.pt")
    torch.save(torch.zeros(2), tmp_path / "tensor.pt")
    expected = {
        "missing.pt": "no such checkpoint",
        "cut.pt": "not a readable checkpoint",
        "empty.pt": "not a readable checkpoint",
        "text.pt": "not a readable checkpoint",
        "code.pt": "not a readable checkpoint",
        "foreign.pt": "not a checkpoint of i2vadapt",
        "later.pt": f"of another format than {checkpoint.FORMAT}",
        "tensor.pt": "not a checkpoint of i2vadapt",
    }
    for name, reason in expected.items():
        with pytest.raises(UserError) as caught:
            checkpoint.load(tmp_path / name)
        message = str(caught.value)
        assert message.startswith(f"{tmp_path / name}: ")
        assert reason in message, name
        assert "\n" not in message, name


def test_a_checkpoint_with_nan_is_refused_with_the_name_of_the_tensor(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    checkpoint.save(path, {"model": {"a": torch.ones(2), "b": torch.tensor([1.0, float("nan")])}})
    with pytest.raises(UserError, match=rf"\A{path}: the weights hold NaN or infinity: 1 of 2 values of b\Z"):
        checkpoint.load(path)


def test_no_text_of_pytorch_appears(tmp_path: Path) -> None:
    torch.save({"format": checkpoint.FORMAT, "code": Opener()}, tmp_path / "code.pt")
    with pytest.raises(UserError) as caught:
        checkpoint.load(tmp_path / "code.pt")
    assert "names posix.system, and no code is run; it must be the checkpoint.pt of a run" in str(caught.value)
    assert "weights_only" not in str(caught.value)
    assert "\033" not in str(caught.value)
